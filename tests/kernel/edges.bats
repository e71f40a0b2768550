# Odd circumstances: what is run, from where, and under which limits.
load kernel

# ".." behind a link leaves what the link leads to, as the kernel has it.
through_link() {
	mkdir -p far/deep
	ln -s far/deep near
	cp -a "$IMG" far/image
	same "$(berth exec near/../image cat /etc/hello)" "hello from the image"
	same "$(cd near && berth exec ../image cat /etc/hello)" "hello from the image"
	same "$(berth exec near/../image sh -c 'echo $APPTAINER_CONTAINER')" "$PWD/far/image"
	rm -r far near
}
@test "an image is found through a link and .." { each_image through_link; }

@test "an image's name may hold any character" {
	local name=$'a b:c,d"\\\ne.sqfs'
	ln "$SQ" "$name"
	same "$(berth exec "./$name" sh -c 'echo "$APPTAINER_NAME"')" "$name"
}

no_cwd() {
	mkdir here
	run --separate-stderr bash -c 'cd here && rmdir ../here && "$@"' - "$BERTH" exec "$IMG" true
	fails 0 'working directory is gone'
}
@test "a working directory that is gone is said once" { each_image no_cwd; }

empty_names() {
	run -127 --separate-stderr berth exec "$IMG" ''
	fails 127 'the command is an empty word'
	run --separate-stderr berth exec '' true
	fails 125 "the image's name is empty"
	run --separate-stderr berth exec library://a/b true
	fails 125 'no library is configured'
	run --separate-stderr berth exec ftp://a/b true
	fails 125 'ftp:// is no place that images come from'
}
@test "empty and foreign names are named for what they are" { each_image empty_names; }

reasons() {
	run --separate-stderr berth exec "$IMG" /etc
	fails 126 '/etc: cannot start: it is a directory'
	run --separate-stderr berth exec "$IMG" /etc/hello
	fails 126 'Permission denied \(its mode is 0[0-7]+\)'
}
@test "why a program may not be executed is said" { each_image reasons; }

# 128 KiB is what one variable may have; APPTAINER_BIND names all binds.
countless_binds() {
	local one two
	one=$(printf ',/etc/hostname:/opt/countless/%0100d' $(seq 600))
	two=$(printf ',/etc/hostname:/opt/countless/%0100d' $(seq 601 1200))
	run --separate-stderr berth exec -B "${one:1}" -B "${two:1}" "$IMG" \
		sh -c 'ls /opt/countless | wc -l; echo "${APPTAINER_BIND}none"'
	fails 0 'too many to be named in APPTAINER_BIND'
	same "$output" $'1200\nnone'
}
@test "more binds than a variable can name" { each_image countless_binds; }

# Each is one descriptor until it is attached, so what counts is the hard limit.
five_thousand_binds() {
	local all
	all=$(printf ',/etc/hosts:/m/%d' $(seq 5000))
	run --separate-stderr berth exec -B "${all:1}" "$IMG" \
		sh -c 'ls /m | wc -l; cmp /m/1 /m/5000 && echo same; set -f; IFS=,; set -- $APPTAINER_BIND; echo $#'
	same "$status $stderr" "0 "
	same "$output" $'5000\nsame\n5000'
	run --separate-stderr bash -c 'ulimit -n 64; "$@"' - "$BERTH" exec -B "${all:1}" "$IMG" true
	fails 125 '5[0-9]{3} mounts need more open files than the hard limit allows \(ulimit -Hn\)'
}
@test "five thousand binds" { each_image five_thousand_binds; }

small_limits() {
	same "$(ulimit -n 64 && berth exec "$IMG" sh -c 'ulimit -n')" 64
	# A build with sanitizers cannot start with so little address space.
	(ulimit -Sv 200000 && berth version) >/dev/null 2>&1 &&
		SMALL=200000 || SMALL=unlimited
	same "$(ulimit -Sv $SMALL && berth exec "$IMG" sh -c 'ulimit -Sv')" $SMALL
	run --separate-stderr bash -c 'ulimit -n 13; "$@"' - "$BERTH" exec "$IMG" true
	[ "$status" = 0 ] || fails 125 'Too many open files|more open files'
	run bash -c 'ulimit -f 0; "$@"' - "$BERTH" exec "$IMG" true
	[ "$status" = 0 ] || said 125 'supply /etc/passwd: File too large'
}
@test "small limits: a start or a sentence, and the same limits inside" { each_image small_limits; }

@test "the plan is valid JSON whatever the names are" {
	command -v python3 >/dev/null || skip "no python3 here"
	BAD=$'\xff\xfe' berth exec --dry-run --env $'X=\xff' "$SQ" $'\xfe' "tab	and
line" >plan.json
	python3 -c 'import json; print(json.load(open("plan.json", encoding="utf-8"))["argv"][1])' |
		grep -q tab
}

@test "a mistyped command is guessed" {
	run --separate-stderr berth exce
	fails 125 'did you mean exec'
	run --separate-stderr berth help ful
	fails 125 'did you mean pull'
}

# A scheduler may signal each process of a job's step, with any signal the job asked for.
@test "no signal that a job may get ends the keeper, but SIGKILL" {
	local pid sig keeper
	berth exec "$SQ" sh -c 'echo >up; while [ ! -e go ]; do sleep 0.05; done; cat /opt/many/* | wc -c' >out &
	pid=$!
	until_is 10 test -e up
	for keeper in $(keepers); do
		[ "$(cat "/proc/$keeper/comm")" = berth-keeper ] || continue
		for sig in HUP INT QUIT TERM USR1 USR2 ALRM VTALRM PROF IO PWR XCPU RTMIN RTMAX; do
			kill -s "$sig" "$keeper"
		done
	done
	touch go
	wait "$pid"
	same "$(cat out)" 1000000
}

odd_etc() {
	run --separate-stderr berth exec "$WORK/odd" true
	fails 125 "$1"
	same "$(printf '%s\n' "$stderr" | grep -c "$WORK/odd")" 1
}
@test "a directory image with an odd /etc is named with what is odd" {
	cp -a "$DIR" odd
	rm odd/etc/passwd && mkdir odd/etc/passwd
	odd_etc 'supply /etc/passwd: .* has something else than a file there'
	rmdir odd/etc/passwd && ln -s passwd odd/etc/passwd
	odd_etc '/etc/passwd in the image: Too many levels of symbolic links'
	rm -r odd/etc && echo x >odd/etc
	odd_etc '/etc/passwd in the image: Not a directory'
}
