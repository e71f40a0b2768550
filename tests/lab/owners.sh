# owners: what programs do to owners, modes and devices; run as real root in a chroot and under root
# emulation, and compared.  In /srv there are a static busybox, owner32 where it can be compiled,
# and owners.py, which lists.
set -eu
umask 022
mkdir -p /srv/acts && cd /srv/acts

echo text >a
chown 33:42 a
chown :8 a
ln -s a link
chown -h 5:6 link
ln a hard
touch setid && chmod 6755 setid && chown 12:13 setid # takes the set-id bits away
mkdir group && chown :50 group && chmod 2775 group
install -o daemon -g mail -m 2755 /bin/true installed
mknod null c 1 3
mknod disk b 259 300000
mknod pipe p
chown 9:10 null pipe
cp -a /bin/true twice && chown 70000:80000 twice && chown 0:0 twice

useradd -m -u 4242 alice
groupadd -g 4343 builders
usermod -aG builders alice
dpkg-statoverride --add --update daemon mail 4711 /srv/acts/installed

tar -cf all.tar a link hard group null disk pipe installed
mkdir untar && tar -C untar -xpf all.tar
cp -a untar copied
mv copied moved
rm all.tar

# Inode numbers that are used again have no owner left over.
i=0
while [ $i -lt 50 ]; do
	touch r && chown 66:66 r && rm r && touch "fresh$i" && i=$((i + 1))
done

/srv/busybox touch static
/srv/busybox chown 77:78 static
mkdir -p jail/bin && cp /srv/busybox jail/bin/
chroot jail /bin/busybox chown 3:4 /bin/busybox
chroot jail /bin/busybox sh -c 'cd bin; /bin/busybox touch rel; /bin/busybox chown 7 rel ../bin/rel'
# Directories that hand their group on, and programs that become somebody else.
mkdir hand && chown 0:50 hand && chmod 2775 hand
touch hand/f && mkdir -p hand/d/e && ln -s f hand/l && mkfifo hand/p && cp /bin/true hand/true
mkdir own && chown alice own
su alice -c 'cd /srv/acts/own; id >id; touch f; mkdir d; ln -s f l; mkfifo p; chgrp builders f
	! chown 0 f && ! mknod n c 1 3; sh -c "(sleep 0.3; touch orphan) &"' 2>/dev/null
setpriv --reuid 4242 --regid 4343 --clear-groups sh -c 'umask 077; touch own/g; tar -C own -cf own/tar g'
grep -q '^uid=4242(alice) gid=4242(alice) groups=.*4343(builders)' own/id
i=0
while [ ! -e own/orphan ] && [ $i -lt 100 ]; do sleep 0.1 && i=$((i + 1)); done
if [ -x /srv/ownermusl ]; then /srv/ownermusl; fi
if [ -x /srv/owner32 ]; then touch by32 && /srv/owner32; fi

python3 - <<'END'
import os, subprocess, threading
def work(n):
    for i in range(40):
        p = f"t{n}.{i}"
        open(p, "w").close()
        os.chown(p, n + 1, i + 1)
        fd = os.open(p, os.O_RDONLY)
        s = os.fstat(fd)
        assert (s.st_uid, s.st_gid) == (n + 1, i + 1), (p, s)
        os.fchown(fd, -1, 7)
        os.close(fd)
        assert os.stat(p).st_gid == 7
ts = [threading.Thread(target=work, args=(n,)) for n in range(32)]
[t.start() for t in ts]; [t.join() for t in ts]
os.mkdir("xattr")
open("xattr/f", "w").close()
os.symlink("f", "xattr/l")
os.setxattr("xattr/f", "trusted.mark", b"one")
os.setxattr("xattr/f", "user.mark", b"two")
os.setxattr("xattr/l", "trusted.link", b"three", follow_symlinks=False)
assert os.getxattr("xattr/f", "trusted.mark") == b"one"
assert sorted(os.listxattr("xattr/f")) == ["trusted.mark", "user.mark"]
os.setxattr("xattr/f", "security.capability", bytes.fromhex("0100000200040000000000000000000000000000"))
os.posix_spawn("/bin/chown", ["chown", "44:45", "xattr/f"], os.environ)  # and the capability goes
os.wait()
subprocess.run(["chown", "-h", "46:47", "xattr/l"], check=True)
d = os.open("xattr", os.O_RDONLY)
os.mkdir("dirs", dir_fd=d)
os.chown("dirs", 48, 49, dir_fd=d)
os.mknod("dirs/zero", 0o20666, os.makedev(1, 5), dir_fd=d)
END
