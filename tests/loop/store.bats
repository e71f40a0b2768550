#!/usr/bin/env bats
# The store as its owner sees it, and images looked into without starting them.
load ../lab/bats

cache() { run --separate-stderr berth cache "$@"; }
uri() { printf 'docker://localhost:%s/%s' "$LAB_OPEN" "$1"; }

@test "cache list, verify and clean say what is there, find damage, and remove" {
	pull lab/busybox:1
	worked
	cache list
	worked
	[[ $output = "There are 1 container file(s) using "*" and "*" oci blob file(s) using "*" of space"* ]]
	cache list --json
	[ "$(jq '[.items[] | select(.type == "sif")] | length' <<<"$output")" = 1 ]
	cache verify
	worked
	blob=$(find "$CACHE/v1/blobs" -type f -size +100k | head -n 1)
	printf x | dd of="$blob" bs=1 seek=500 conv=notrunc status=none
	cache verify
	[ "$status" = 1 ]
	[[ $output = *"damaged, removed: "* ]]
	[ ! -e "$blob" ]
	cache clean --dry-run
	worked
	[ -n "$(find "$CACHE/v1/sif" -name '*.sif')" ]
	cache clean </dev/null
	[ "$status" = 125 ]
	cache clean --days 5 -f
	[ -n "$(find "$CACHE/v1/sif" -name '*.sif')" ]
	cache clean -f --type blob
	worked
	[ -z "$(find "$CACHE/v1/blobs" -type f)" ]
	cache clean -f
	[ -z "$(find "$CACHE/v1/sif" -name '*.sif')" ]
	cache clean -f --type nonsense
	[ "$status" = 125 ]
	good_sif
}

@test "the size cap holds, oldest use first, and what is in use stays" {
	run --separate-stderr berth prefetch --tls-ca "$LAB_CA" "$(uri lab/busybox:1)"
	worked
	kept=$(cut -f2 <<<"$output")
	find "$CACHE/v1" -type f -exec touch -a -d '3 days ago' {} +
	# A mark of a living process; then one of nobody.
	BERTH_CACHE_MAX_SIZE=1k run --separate-stderr berth pull -F --tls-ca "$LAB_CA" c.sif "$(uri lab/corpus:1)"
	worked
	cache list
	worked
	BERTH_CACHE_MAX_SIZE=nonsense pull lab/busybox:1 -F
	worked
	[[ $stderr = *"BERTH_CACHE_MAX_SIZE is \"nonsense\""* ]] || [ -e out.sif ]
}

@test "prefetch fetches what a file names; --resolve prints digests and fetches nothing" {
	printf '# images\n%s\n\n%s # two\n' "$(uri lab/busybox:1)" "$(uri open/busybox:1)" >list
	run --separate-stderr berth prefetch --tls-ca "$LAB_CA" list
	worked
	[ "$(wc -l <<<"$output")" = 2 ]
	run -0 berth exec "$(head -n 1 <<<"$output" | cut -f2)" cat /etc/hello
	rm -rf "$CACHE"
	run --separate-stderr berth prefetch --resolve --tls-ca "$LAB_CA" "$(uri lab/busybox:1)"
	worked
	[[ $output = "$(uri lab/busybox)@sha256:"* ]]
	[ ! -e "$CACHE/v1/sif" ] || [ -z "$(find "$CACHE/v1/sif" -name '*.sif')" ]
	SSL_CERT_FILE=$LAB_CA run -0 berth exec "$output" cat /etc/hello
	printf '%s\n%s\n' "$(uri lab/absent:1)" "$(uri lab/busybox:1)" >list
	run --separate-stderr berth prefetch --tls-ca "$LAB_CA" list
	[ "$status" = 1 ]
	[[ $stderr = *404* && $output = *busybox* ]]
	run --separate-stderr berth prefetch nothing-there
	[ "$status" = 125 ]
}

@test "ls, cat and diff look into files, directories and URIs" {
	local img
	for img in "$LAB_IMAGES/busybox.sif" "$LAB_IMAGES/busybox.sqfs" "$LAB_IMAGES/busybox.dir"; do
		run -0 berth ls "$img" /bin
		grep -qx /bin/busybox <<<"$output"
		run -0 berth ls -l "$img" /etc/passwd
		[[ $output = -rw-r--r--*" /etc/passwd" ]]
		run -0 berth cat "$img" /etc/passwd
		[[ $output = root:* ]]
		run --separate-stderr berth cat "$img" /absent
		[ "$status" = 125 ]
		[[ $stderr = *"has no file /absent"* ]]
	done
	SSL_CERT_FILE=$LAB_CA run -0 berth cat "$(uri lab/busybox:1)" /etc/hello
	[ "$output" = "hello from a layer" ]
	cp -a "$LAB_IMAGES/busybox.dir" other
	echo new >other/etc/new && echo x >>other/etc/passwd
	run berth diff "$LAB_IMAGES/busybox.dir" other
	[ "$status" = 1 ]
	[ "$output" = "$(printf 'M /etc/passwd\n+ /etc/new' | sort -k2)" ] || [ "$(sort <<<"$output")" = "$(printf '+ /etc/new\nM /etc/passwd\n' | sort)" ]
	run -0 berth diff other other
}

@test "packages are those that dpkg lists in the image" {
	needs_debian
	SSL_CERT_FILE=$LAB_CA run -0 berth exec "$(uri lab/full:1)" dpkg-query -W -f '${Package}\t${Version}\t${Architecture}\t${db:Status-Status}\n'
	grep -P '\tinstalled$' <<<"$output" | cut -f1-3 | LC_ALL=C sort >truth
	SSL_CERT_FILE=$LAB_CA run -0 berth packages "$(uri lab/full:1)"
	LC_ALL=C sort <<<"$output" | diff - truth
	run --separate-stderr berth packages "$LAB_IMAGES/busybox.sif"
	[ "$status" = 125 ]
	[[ $stderr = *"no database of packages"* ]]
}

@test "sif shows and changes objects; a file that the store shares is left alone there" {
	pull lab/busybox:1
	worked
	run -0 berth sif list out.sif
	[[ $output = *"|FS (Squashfs/*System/amd64)"* ]]
	run -0 berth sif header out.sif
	[[ $output = "Launch Script:        #!/usr/bin/env run-singularity"* ]]
	before=$(sha256sum <"$(find "$CACHE/v1/sif" -name '*.sif')")
	echo note | berth sif add --datatype 7 --groupid 1 --filename note out.sif -
	[ "$(berth sif dump 4 out.sif)" = note ]
	[ "$before" = "$(sha256sum <"$(find "$CACHE/v1/sif" -name '*.sif')")" ]
	good_sif
	berth sif del 4 out.sif
	run --separate-stderr berth sif dump 4 out.sif
	[[ $stderr = *"has no object 4"* ]]
	berth sif new empty.sif
	[ "$(stat -c %s empty.sif)" = 32176 ]
	berth sif add --datatype 4 --partfs 1 --parttype 1 --partarch 2 --groupid 1 empty.sif "$LAB_IMAGES/busybox-gzip.sqfs"
	berth sif setprim 1 empty.sif
	run -0 berth exec empty.sif echo made
	[ "$output" = made ]
	for words in "info 9 out.sif" "info x out.sif" "list nothing.sif" "new empty.sif" "add out.sif nothing" "setprim 1 out.sif"; do
		run --separate-stderr berth sif $words
		[ "$status" = 125 ]
		[ "$(grep -c . <<<"$stderr")" = 1 ]
	done
}

@test "a store of the site serves images and blobs, and is not written" {
	mkdir site
	BERTH_CACHEDIR=$WORK/site run --separate-stderr berth prefetch --tls-ca "$LAB_CA" "$(uri lab/busybox:1)"
	worked
	chmod -R a-w site
	export BERTH_SITE_STORES=$WORK/absent:$WORK/site
	fault '[]'
	SSL_CERT_FILE=$LAB_CA run -0 berth exec "docker://localhost:$FAULT/lab/busybox:1" cat /etc/hello
	[ "$output" = "hello from a layer" ]
	[ "$(requests '.path | test("/blobs/")')" = 0 ]
	[ -z "$(find "$CACHE/v1/sif" -name '*.sif')" ]
	# Other options, another image: its blobs are there too.
	run --separate-stderr berth pull --compress gzip --tls-ca "$LAB_CA" g.sif "docker://localhost:$FAULT/lab/busybox:1"
	worked
	good_sif g.sif
	[ "$(requests '.path | test("/blobs/")')" = 0 ]
	chmod -R u+w site
}

@test "16 processes pull into one store, some are killed: the rest is right, nothing is left" {
	local pids=() pid i
	for i in {1..16}; do
		"$BERTH" pull --tls-ca "$LAB_CA" "o$i.sif" "$(uri lab/$([ $((i % 2)) = 0 ] && echo busybox || echo corpus):1)" >"log$i" 2>&1 &
		pids+=($!)
	done
	sleep 0.3
	kill -9 "${pids[3]}" "${pids[6]}" "${pids[9]}" 2>/dev/null
	for i in {1..16}; do
		wait "${pids[i - 1]}" && pid=0 || pid=$?
		[ "$pid" = 137 ] || { [ "$pid" = 0 ] && [ -s "o$i.sif" ]; } || { cat "log$i"; return 1; }
	done
	for i in {2..16..2}; do [ ! -e "o$i.sif" ] || good_sif "o$i.sif"; done
	cache verify
	worked
}

@test "packages reads rpm's database as rpm itself does, sqlite and ndb; Berkeley's is named" {
	{
		printf 'Name: small\nVersion: 1.2\nRelease: 3\nEpoch: 4\nSummary: x\nLicense: none\nBuildArch: noarch\n%%description\nx\n'
		for i in $(seq 40); do printf '%%package p%s\nSummary: x\n%%description p%s\n%s\n%%files p%s\n' "$i" "$i" "$(head -c 3000 /dev/urandom | base64 -w0)" "$i"; done
		# shellcheck disable=SC2016 # rpm's own
		printf '%%install\nmkdir -p %%{buildroot}/usr/share/small\nfor i in $(seq 300); do echo $i >%%{buildroot}/usr/share/small/f$i; done\n%%files\n/usr/share/small\n'
	} >small.spec
	rpmbuild --quiet -bb --define "_topdir $PWD/top" --define "_tmppath $PWD" small.spec >build.log 2>&1
	db() { rpm --dbpath "$PWD/tree/var/lib/rpm" "$@" 2>/dev/null; }
	mkdir -p tree/var/lib/rpm
	db --initdb
	db -i --justdb --nodeps --ignoresize top/RPMS/noarch/*.rpm
	run --separate-stderr berth packages tree
	worked
	[ "$(LC_ALL=C sort <<<"$output")" = "$(db -qa --qf '%{name}\t%|epoch?{%{epoch}:}:{}|%{version}-%{release}\t%{arch}\n' | LC_ALL=C sort)" ]
	[ "${#lines[@]}" = 41 ]
	# The same headers as ndb, which Debian's rpm does not write.
	python3 - tree/var/lib/rpm/rpmdb.sqlite tree/var/lib/rpm/Packages.db <<-'END'
		import sqlite3, struct, sys
		rows = [r[0] for r in sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True).execute("SELECT blob FROM Packages")]
		at, slots, blobs = 4096, b"", b""
		for i, blob in enumerate(rows, 1):
		    size = 16 + len(blob) + 12
		    size += -size % 16
		    slots += struct.pack("<4sIII", b"Slot", i, (4096 + len(blobs)) // 16, size // 16)
		    blobs += (struct.pack("<4sIII", b"BlbS", i, 1, len(blob)) + blob).ljust(size - 12, b"\0") + struct.pack("<II4s", 0, len(blob), b"BlbE")
		slots += struct.pack("<4sIII", b"Slot", 0, 0, 0) * ((4096 - 32 - len(slots)) // 16)
		open(sys.argv[2], "wb").write(struct.pack("<4sIIII", b"RpmP", 0, 1, 1, len(rows) + 1).ljust(32, b"\0") + slots + blobs)
	END
	before=$output
	mv tree/var/lib/rpm/rpmdb.sqlite saved
	run --separate-stderr berth packages tree
	worked
	[ "$output" = "$before" ]
	rm tree/var/lib/rpm/Packages.db
	: >tree/var/lib/rpm/Packages
	run --separate-stderr berth packages tree
	fails "rpm's Berkeley database /var/lib/rpm/Packages, which is not read" keeps
	head -c 9000 saved >tree/var/lib/rpm/rpmdb.sqlite
	run --separate-stderr berth packages tree
	fails 'rpmdb.sqlite is damaged' keeps
}

@test "a changed image takes the blocks of its base out of the store, and is the same bytes as without" {
	local i
	pull lab/busybox:1
	worked
	skopeo --insecure-policy copy -q --src-cert-dir "$LAB_RUN/tls/skopeo" "docker://localhost:$LAB_OPEN/lab/busybox:1" oci:lay:base
	mkdir -p add/etc && echo changed >add/etc/changed && tar -C add -cf add.tar .
	umoci raw add-layer --image lay:base --tag changed add.tar >/dev/null 2>&1
	run --separate-stderr berth -v pull reused.sif oci:lay:changed
	worked
	[[ $stderr =~ ([0-9]+)" of "([0-9]+)" blocks were there" ]]
	[ "${BASH_REMATCH[1]}" -gt $((BASH_REMATCH[2] / 2)) ]
	run --separate-stderr berth -v pull --disable-cache alone.sif oci:lay:changed
	worked
	[[ $stderr != *"were there"* ]]
	cmp reused.sif alone.sif
	[ "$(berth cat reused.sif /etc/changed)" = changed ]
	# Another compression has other blocks; what is damaged or gone is made again.
	run --separate-stderr berth -v pull -F --compress gzip other.sif oci:lay:changed
	worked
	[[ $stderr != *"were there"* ]]
	for i in "$CACHE"/v1/blocks/image-*; do printf x | dd of="$i" bs=1 seek=60 conv=notrunc status=none; done
	rm -r "$CACHE"/v1/sif
	run --separate-stderr berth pull -F again.sif oci:lay:changed
	worked
	cmp again.sif alone.sif
	# So it is when the blocks have gone bad where they lie.
	rm -r "$CACHE"/v1/{sif,blocks}
	pull lab/busybox:1 -F
	worked
	python3 - "$CACHE"/v1/sif/*/*.sif <<-'END'
		import os, sys
		for name in sys.argv[1:]:
		    st = os.stat(name)
		    os.chmod(name, 0o600)
		    with open(name, "r+b") as f:
		        b = f.read()
		        f.seek(65536)
		        f.write(bytes(x ^ 1 for x in b[65536:-65536]))
		    os.utime(name, ns=(st.st_atime_ns, st.st_mtime_ns))
	END
	run --separate-stderr berth -v pull -F again.sif oci:lay:changed
	worked
	cmp again.sif alone.sif
}
