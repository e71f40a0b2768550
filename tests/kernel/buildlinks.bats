# Links in what a build copies: of the host, of an image, of another stage.
load kernel
load build

setup() {
	kernel_setup
	build_setup
}

@test "more hard links than descriptors are kept; links of the host in a circle are refused" {
	local i
	cp -a "$DIR" base
	for i in $(seq 400); do
		echo "$i" >"base/opt/x$i"
		ln "base/opt/x$i" "base/opt/y$i"
	done
	def <<-END
		Bootstrap: localimage
		From: base
	END
	(ulimit -n 200; "$BERTH" build x.sif x.def)
	same "$(berth exec x.sif sh -c 'stat -c %h /opt/x* /opt/y* | sort | uniq -c | tr -s " "')" " 800 2"
	same "$(berth exec x.sif sh -c '[ /opt/x7 -ef /opt/y7 ] && cat /opt/y7')" 7
	mkdir -p ring/sub
	ln -s .. ring/sub/one
	ln -s .. ring/sub/two
	def <<-END
		Bootstrap: localimage
		From: $SQ
		%files
		    ring /ring
	END
	rm x.sif
	build
	refused 'ring.*links in a circle'
}

@test "files of another stage: its links mean its own paths, not the host's" {
	echo secret >secret
	cp -a "$DIR" evil
	mkdir evil/data
	ln -s "$PWD/secret" evil/data/absolute
	ln -s "../../../../../../../../../..$PWD/secret" evil/data/relative
	ln -s "$PWD" evil/data/dir
	def <<-END
		Bootstrap: localimage
		From: evil
		Stage: first

		Bootstrap: localimage
		From: $SQ
		Stage: last
		%files from first
		    /data /data
	END
	build
	built
	same "$(berth exec x.sif readlink /data/absolute)" "$PWD/secret"
	unsquashfs -o "$(squashfs_offset x.sif)" -d out -n -q x.sif data >/dev/null
	same "$(cd out/data && find . -type l | sort | tr '\n' ' ')" "./absolute ./dir ./relative "
}
