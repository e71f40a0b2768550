# Root emulation as an ordinary user sees it.  tests/loop/root/truth-owners.bats compares it with real root.
load kernel

# A sandbox of this test's own: the images of the others are shared.
sandbox() {
	cp -a "$DIR" box
	mkdir -p box/srv && : >box/etc/hosts
}
fake() { berth exec -f "$@"; }

seen() {
	same "$(fake "$IMG" id -u)" 0
	same "$(fake "$IMG" sh -c 'echo $HOME')" /root
	same "$(fake "$IMG" stat -c %u:%g /etc/hello)" 0:0
}
@test "inside --fakeroot everybody is root and everything is root's" { each_image seen; }

@test "chown, mknod and stat agree, also by descriptor, link and relative path" {
	sandbox
	same "$(fake -w box sh -euc 'cd /srv; touch a; ln -s a l; chown 5:6 a; chown -h 7:8 l
		mknod null c 1 3; mknod sda b 8 0; mkfifo p; chown 9 p; chown 11 ../srv/./null
		stat -c "%n %u:%g %F %t:%T" a l null sda p; stat -L -c %u l; stat -Lc %u /proc/self/fd/0 <a')" \
"a 5:6 regular empty file 0:0
l 7:8 symbolic link 0:0
null 11:0 character special file 1:3
sda 0:0 block special file 8:0
p 9:0 fifo 0:0
5
5"
	same "$(stat -c %u box/srv/a)" "$(id -u)"
}

@test "owners outlive the run, a renamed sandbox and a copy; what was made anew is root's" {
	sandbox
	fake -w box sh -euc 'cd /srv; touch a b; chown 5:6 a b; mknod c c 1 3'
	same "$(fake box stat -c %u:%g /srv/a)" 5:6
	mv box moved && cp -a moved copy
	same "$(fake moved stat -c %u:%g%F /srv/b /srv/c)" "5:6regular empty file
0:0character special file"
	same "$(fake copy stat -c %u:%g /srv/a)" 5:6
	rm moved/srv/a && touch moved/srv/a
	run fake moved stat -c %u:%g /srv/a
	said 0 "1 files were replaced without root emulation"
	said 0 "0:0"
}

@test "a file that is gone leaves no owner for the next one with its number" {
	sandbox
	same "$(fake -w box sh -euc 'cd /srv; i=0; while [ $i -lt 100 ]; do touch x; chown 7 x; rm x; touch y
		stat -c %u y; rm y; i=$((i + 1)); done' | sort | uniq -c | tr -d " ")" 1000
}

@test "thirty-two at once, and some that are killed while they wait" {
	sandbox
	same "$(fake -w box sh -euc 'cd /srv; for n in $(seq 32); do
			(for i in $(seq 20); do touch $n.$i; chown $n:$i $n.$i; stat -c %u:%g $n.$i; done) & done; wait' |
		sort | uniq | wc -l)" 640
	same "$(timeout 60 "$BERTH" exec -f -w box sh -c 'for n in $(seq 20); do
			(while :; do chown 5 /srv/1.1; stat /srv/1.1; done) >/dev/null 2>&1 &
			sleep 0.02; kill -9 $!; done; wait; chown 3 /srv/1.1; stat -c %u /srv/1.1')" 3
}

@test "status and signals are the program's own, in a PID namespace too" {
	sandbox
	for pid in "" --pid; do
		run fake $pid box sh -c 'exit 7'
		same "$status" 7
		run fake $pid box sh -c 'kill -TERM $$'
		same "$status" 143
		same "$(fake $pid box sh -c 'chown 5 /tmp; echo $(stat -c %u /etc/hello)')" 0
	done
}

@test "a program that becomes another user is that user, with its children and what it makes" {
	sandbox
	echo 'app:x:1000:1001::/srv:/bin/sh' >>box/etc/passwd
	echo 'app:x:1001:' >>box/etc/group
	mkdir -p box/root
	same "$(fake -w box /bin/busybox su app -c 'cd /srv; id -u; id -g; echo x >f; mkdir d; ln -s f l
		(sleep 0.2; echo y >orphan) & wait; chown 0 f 2>/dev/null || echo no')" "1000
1001
no"
	same "$(fake -w box sh -c 'cd /srv; stat -c "%n %u:%g" f d l orphan; id -u; touch r; stat -c %u r
		chgrp 9 d; chmod g+s d; touch d/x; stat -c %g d/x')" "f 1000:1001
d 1000:1001
l 1000:1001
orphan 1000:1001
0
0
9"
}

@test "an image file's owners are those that it was made with, under a layer too" {
	sandbox
	fake -w box sh -euc 'cd /srv; echo a >a; mkdir d; ln -s a l; ln a hard; touch plain
		chown 5:6 a; chown 7:8 d; chown -h 9 l'
	berth build x.sif box
	same "$(fake x.sif stat -c '%n %u:%g' / /srv/a /srv/d /srv/l /srv/hard /srv/plain /etc/hello)" "/ 0:0
/srv/a 5:6
/srv/d 7:8
/srv/l 9:0
/srv/hard 5:6
/srv/plain 0:0
/etc/hello 0:0"
	same "$(berth exec x.sif stat -c %u /srv/a)" "$(id -u)"
	# A number means nothing on another device; what is written to becomes a file of the layer.
	same "$(fake --writable-tmpfs x.sif sh -euc 'cd /srv; stat -c %u:%g a hard plain; chown 3 hard
		stat -c %u:%g hard; for n in $(seq 200); do >n.$n; done; stat -c %u n.* | sort -u')" "5:6
5:6
0:0
3:6
0"
	same "$(fake --emulation=light x.sif stat -c %u /srv/a)" 0
}

@test "light remembers and does not show, none does neither" {
	sandbox
	same "$(fake -w --emulation=light box sh -c 'touch /srv/a; chown 5 /srv/a; stat -c %u /srv/a')" 0
	same "$(fake box stat -c %u /srv/a)" 5
	run fake --emulation=none box chown 5 /etc/hello
	not same "$status" 0
}

@test "io_uring and 64-bit x32 calls are no way round" {
	sandbox
	command -v python3 >/dev/null || skip "no python3"
	same "$(berth exec -f -e -B /usr -B /lib -B /lib64 box /usr/bin/python3 -c '
import ctypes, errno
c = ctypes.CDLL(None, use_errno=True)
for nr in (425, 426, 427, 0x40000000 | 92):
    r = c.syscall(nr, 1, 0, 0)
    print(r, errno.errorcode[ctypes.get_errno()])' | sort -u)" "-1 ENOSYS"
}

@test "an emulation inside an emulation is refused with the way out" {
	sandbox
	run berth exec -f -e -B /usr -B /lib -B /lib64 -B "$BERTH:/berth" -B "$PWD/box:/box" \
		box /usr/bin/env -i ASAN_OPTIONS=detect_leaks=0 /berth exec -f /box true
	said 125 "leave --fakeroot out, or add --emulation=none"
}

@test "what cannot be is said: modes, a file that is to be written to, a broken table" {
	sandbox
	run --separate-stderr fake --emulation=some box true
	fails 125 "--emulation some: write full, light, none or subuid"
	run --separate-stderr berth exec --emulation=light box true
	fails 125 "--emulation goes with --fakeroot"
	run --separate-stderr fake --emulation=subuid box true
	fails 125 "--emulation subuid: .* full, which is the default, needs none"
	run --separate-stderr berth instance start -f box rooted
	fails 125 "an instance has no supervisor for root emulation; use exec or run, or --emulation=none"
	run --separate-stderr fake -w "$SQ" true
	fails 125 "--writable: .* is an image file"
	echo nonsense >box/.berth-owners
	run --separate-stderr fake box true
	fails 125 "box: .berth-owners: line 1 is not one of a table of owners; remove the file"
}
