#!/bin/sh
# Makes the images beside it; they are committed, so only a change of the tree needs this
# (as root, with squashfs-tools and attr).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
umask 022
chmod 755 .
mkdir -p etc usr/bin usr/lib big run empty opt/deep/er tmp
chmod 1777 tmp
echo berth > etc/hostname
printf 'NAME="Test"\n' > etc/os-release
echo secret > etc/shadow && chmod 0600 etc/shadow
echo nobody > etc/none && chmod 0000 etc/none
ln -s ../run var-run && mkdir var && ln -s /run var/run
ln -s usr/bin bin
ln -s /gpfs/scratch scratch
ln -s loop2 loop1 && ln -s loop1 loop2
ln -s ../../../../etc/hostname usr/up
ln etc/hostname usr/bin/hardlink
seq 1 12000 > usr/lib/numbers            # 58 KiB: many blocks and a tail
truncate -s 1M usr/lib/sparse && printf end >> usr/lib/sparse
printf x | dd of=usr/lib/sparse bs=1 seek=70000 conv=notrunc status=none
: > empty/file
for i in $(seq -w 1 400); do echo "$i" > "big/entry-$i"; done
setfattr -n user.color -v blue etc/os-release
setfattr -n user.size -v large etc/os-release
setfattr -n user.color -v blue usr/bin
find . -exec touch -h -d @1700000000 {} +
for c in gzip zstd lz4 xz; do
	rm -f "$here/$c.sqfs"
	mksquashfs . "$here/$c.sqfs" -comp $c -b 4096 -noappend -quiet -no-progress -nopad \
		-root-time 1700000000 -mkfs-time 1700000000 -processors 1 \
		-p 'null c 666 0 0 1 3' -p 'disk b 660 0 6 259 300000' -p 'pipe i 644 0 0 f'
done
mksquashfs . "$here/raw.sqfs" -noI -noD -noF -noX -no-exports -no-fragments -no-xattrs \
	-b 8192 -noappend -quiet -no-progress -nopad -root-time 1700000000 \
	-mkfs-time 1700000000 -processors 1 -e usr/lib/numbers
