# Directories to write to: --scratch, --workdir, --contain; and what --no-mount leaves out.
load kernel

in_memory() {
	same "$(berth exec -S /s,/new/t --scratch /opt/many "$IMG" sh -c \
		'echo a >/s/a; echo b >/new/t/b; ls /opt/many; cat /s/a /new/t/b')" $'a\nb'
	same "$(SINGULARITY_SCRATCHDIR=/s berth exec "$IMG" sh -c 'echo a >/s/a; cat /s/a')" a
	run berth exec -S /s --tmpfs-size 1M "$IMG" dd if=/dev/zero of=/s/big bs=1M count=3
	said 1 "No space left on device"
}
@test "--scratch: empty directories in memory" { each_image in_memory; }

on_disk() {
	mkdir -p w
	berth exec --contain -W w -S /s/t "$IMG" sh -c \
		'echo s >/s/t/f; echo t >/tmp/f; echo v >/var/tmp/f; echo h >"$HOME/f"'
	same "$(cat w/scratch/s/t/f w/tmp/f w/var_tmp/f w/home/f)" $'s\nt\nv\nh'
	same "$(stat -c %a w/tmp)" 1777
	same "$(berth exec -C --workdir "$PWD/w" "$IMG" cat /tmp/f)" t
	rm -r w
}
@test "--workdir: home, tmp, var_tmp and scratch lie there" { each_image on_disk; }

faults() {
	run --separate-stderr berth exec -c -W none "$IMG" true
	fails 125 '--workdir .*/none: No such file'
	touch file
	run --separate-stderr berth exec -c -W file "$IMG" true
	fails 125 '--workdir .*/file: Not a directory'
	run --separate-stderr berth exec -S / "$IMG" true
	fails 125 'the root cannot be one'
	run --separate-stderr berth exec -S /s -B /tmp:/s "$IMG" true
	fails 125 '--scratch /s: /tmp is bound there'
	run --separate-stderr berth exec -S /etc/hello "$IMG" true
	fails 125 '/etc/hello'
}
@test "a workdir or scratch that cannot be is named" { each_image faults; }

without() {
	same "$(berth exec --no-mount proc,sys,home,tmp,cwd --no-mount bind-paths,hostfs,devpts \
		--pwd / "$IMG" sh -c 'ls /proc; ls /sys; ls /tmp; ls /home')" ""
	same "$(berth exec --no-mount /tmp "$IMG" ls /tmp)" ""
	run berth exec --no-mount /etc/passwd "$IMG" cat /etc/passwd
	same "$output" "root:x:0:0:root:/root:/bin/sh"
	run --separate-stderr berth exec --no-mount nosuch "$IMG" true
	fails 0 '--no-mount nosuch: no such mount'
	same "$(berth exec -c --no-mount devpts "$IMG" sh -c 'ls /dev/pts 2>&1 | grep -c ptmx')" 0
}
@test "--no-mount: words and targets" { each_image without; }

dev_binds() {
	same "$(berth exec -c -B /dev/kmsg:/dev/kmsg "$IMG" sh -c 'ls /dev | grep -c kmsg')" 1
	same "$(berth exec -c "$IMG" sh -c 'ls /dev | grep -c kmsg')" 0
	same "$(berth exec -c -B /dev "$IMG" sh -c 'ls /dev | wc -l')" "$(berth exec "$IMG" sh -c 'ls /dev | wc -l')"
}
@test "binds below /dev with --contain" {
	[ -e /dev/kmsg ] || skip "this host has no /dev/kmsg"
	each_image dev_binds
}

compat() {
	same "$(umask 077; berth exec --compat "$IMG" sh -c 'echo x >/new; cat /new; umask')" $'x\n0022'
}
@test "--compat: contained, and the image can be written to" { each_image compat; }
