# Binds from inside images (SquashFS, SIF partitions) and the words of --mount.
load kernel

# data.sqfs: a tree to bind from.  data.sif: the same as descriptor 2, another one as 3.
images() {
	mkdir -p one/in/deep two
	echo one >one/in/deep/file
	echo two >two/file
	ln -s in/deep one/link
	mksquashfs one data.sqfs -comp gzip -all-root -quiet -no-progress
	mksquashfs two two.sqfs -comp zstd -all-root -quiet -no-progress
	"$BATS_TEST_DIRNAME/../lab/sif.py" data.sif primary=squashfs:"$SQ" data=squashfs:data.sqfs \
		data=squashfs:two.sqfs
}

from_images() {
	local seen
	seen=$(berth exec -B data.sqfs:/all:image-src=/ -B data.sqfs:/new/deep:image-src=/in/deep,ro \
		-B data.sqfs:/linked:image-src=link -B data.sqfs:/opt/onefile:image-src=/in/deep/file \
		-B "$PWD/data.sif:/sif:image-src=/in/deep" -B data.sif:/third:id=3 \
		"$IMG" cat /all/in/deep/file /new/deep/file /linked/file /opt/onefile /sif/file \
		/third/file)
	same "$(tr '\n' ' ' <<<"$seen")" "one one one one one two "
	run berth exec -B data.sqfs:/all:image-src=/,rw "$IMG" touch /all/x
	said 1 "Read-only file system"
}
@test "directories and files of images are bound, read-only" { images; each_image from_images; }

mount_words() {
	mkdir -p 'a,b'
	echo comma >'a,b/file'
	same "$(berth exec --mount 'type=bind,"src=a,b",dst=/m,ro' "$IMG" cat /m/file)" comma
	same "$(berth exec --mount src=data.sif,dst=/m,id=3 "$IMG" cat /m/file)" two
	export APPTAINER_MOUNT=$'type=bind,src='"$PWD"$',dst=/x\nsrc=data.sqfs,dst=/y,image-src=/in/deep'
	same "$(berth exec --mount src=data.sif,dst=/m,id=3 "$IMG" cat /m/file /x/two/file /y/file |
		tr '\n' ' ')" "two two one "
	unset APPTAINER_MOUNT
	run --separate-stderr berth exec --mount src=/tmp,dst=/m,bind-propagation=shared "$IMG" true
	fails 125 'bind-propagation cannot be chosen'
	run berth exec --mount src="$PWD",dst=/m,nonested -B "$PWD:/n" "$IMG" sh -c 'echo $APPTAINER_BIND'
	same "$output" "$PWD:/n"
}
@test "--mount and its variable: quotes, images, several lines" { images; each_image mount_words; }

faults() {
	run --separate-stderr berth exec -B none.sif:/d:image-src=/ "$IMG" true
	fails 125 'bind / of .*/none.sif on /d: image .*none.sif: No such file'
	run --separate-stderr berth exec -B data.sqfs:/d:image-src=/nope "$IMG" true
	fails 125 'there is no /nope in it'
	run --separate-stderr berth exec -B data.sif:/d:id=9 "$IMG" true
	fails 125 'it has no partition 9; its partitions are 1 \(primary system\), 2 \(data\), 3 \(data\)'
	run --separate-stderr berth exec -B data.sqfs:/d:id=2 "$IMG" true
	fails 125 'it is no SIF, so id=2 means nothing'
	echo text >text
	run --separate-stderr berth exec -B text:/d:image-src=/ "$IMG" true
	fails 125 'no SIF, SquashFS or ext3 image'
	mkdir -p in && run --separate-stderr berth exec -B in:/d:image-src=/ "$IMG" true
	fails 125 'it is no file'
	run --separate-stderr berth exec -B data.sqfs:/etc/hello:image-src=/in "$IMG" true
	fails 125 'one of them is a directory, the other is not'
	head -c 5000 data.sqfs >cut.sqfs
	[ "$(stat -c %s data.sqfs)" -lt 5000 ] ||
		! berth exec -B cut.sqfs:/d:image-src=/ "$IMG" cat /d/in/deep/file
}
@test "an image bind that cannot be made is named with its reason" { images; each_image faults; }

many_images() {
	local i args=() want=
	for i in $(seq 12); do
		cp data.sqfs "$i.sqfs"
		args+=(-B "$i.sqfs:/d/$i:image-src=/in/deep" -B "$i.sqfs:/e/$i:image-src=/in")
		want+="one one "
	done
	same "$(berth exec "${args[@]}" "$IMG" sh -c \
		'for i in $(seq 12); do cat /d/$i/file /e/$i/deep/file; done' | tr '\n' ' ')" "$want"
}
@test "one keeper serves many images" { images; each_image many_images; }

keeper_of() { find /proc/[0-9]*/fd -lname "$PWD/data.sqfs" 2>/dev/null | cut -d/ -f3 | sort -un; }
@test "the keeper of a directory image with an image bind ends with its last process" {
	images
	berth exec -B data.sqfs:/d:image-src=/ "$DIR" sh -c \
		'(sleep 1; cat /d/in/deep/file >late) >/dev/null 2>&1 &' 3>&-
	until_is 10 test -s late
	same "$(cat late)" one
	until_is 5 eval '[ -z "$(keeper_of)" ]'
}
