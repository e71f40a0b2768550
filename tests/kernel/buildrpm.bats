# Bases that a distribution's own tool makes: dnf from a local repository, as an ordinary user.
load kernel
load build

setup() {
	kernel_setup
	build_setup
}

# A package "users" with passwd and group, and "hello" with every kind of owner and mode that rpm knows.
repository() {
	mkdir -p repo
	cat >users.spec <<-'END'
		Name: users
		Version: 1
		Release: 1
		Summary: users
		License: none
		BuildArch: noarch
		%description
		Users and groups.
		%install
		mkdir -p %{buildroot}/etc
		printf 'root:x:0:0:root:/root:/bin/sh\napp:x:1234:42::/:/bin/sh\n' >%{buildroot}/etc/passwd
		printf 'root:x:0:\napp:x:42:\nshared:x:50:\n' >%{buildroot}/etc/group
		%files
		/etc/passwd
		/etc/group
	END
	cat >hello.spec <<-'END'
		Name: hello
		Version: 1
		Release: 1
		Summary: says hello
		License: none
		Requires(pre): users
		%description
		Says hello.
		%install
		mkdir -p %{buildroot}/opt/shared %{buildroot}/bin
		echo hello >%{buildroot}/opt/text
		echo data >%{buildroot}/opt/shared/data
		ln -s text %{buildroot}/opt/link
		cp /bin/busybox %{buildroot}/bin/busybox
		ln -s busybox %{buildroot}/bin/sh
		%post -p <lua>
		posix.mkdir("/opt/by-post")
		posix.chown("/opt/by-post", 1234, 50)
		%files
		%attr(0644,app,app) /opt/text
		%attr(2775,root,shared) %dir /opt/shared
		%attr(4750,app,shared) /opt/shared/data
		%attr(-,app,app) /opt/link
		%caps(cap_net_raw=ep) /bin/busybox
		/bin/sh
	END
	for spec in users hello; do
		rpmbuild -bb --define "_topdir $PWD/top" --define "_rpmdir $PWD/repo" \
			--define '_build_id_links none' --define '__strip /bin/true' $spec.spec >rpm.log 2>&1 ||
			{ cat rpm.log; return 1; }
	done
	createrepo_c -q repo
}

@test "dnf makes a base from a local repository, with the owners, modes and capabilities of root" {
	for p in dnf rpmbuild createrepo_c; do command -v $p >/dev/null || skip "no $p"; done
	repository
	printf 'Bootstrap: dnf\nMirrorURL: file://%s/repo\nOSVersion: 1\nInclude: hello\n%%post\n    cat /opt/text\n' \
		"$PWD" >x.def
	build
	built
	[[ $output = *hello* ]]
	same "$(lists /opt/text)" "-rw-r--r-- 1234/42"
	same "$(lists /opt/shared)" "drwxrwsr-x 0/50"
	same "$(lists /opt/shared/data)" "-rwsr-x--- 1234/50"
	same "$(lists /opt/link)" "lrwxrwxrwx 1234/42"
	same "$(lists /opt/by-post)" "drwxr-xr-x 1234/50"
	same "$(lists /bin/busybox)" "-rwxr-xr-x 0/0"
	same "$(lists /.berth-owners)" ""
	# The tree's own rpm database knows what is in it.
	berth build --sandbox box x.sif 2>/dev/null
	[ -n "$(find box -name 'rpmdb.sqlite*' -o -name Packages.db)" ]
	sed -i 's/Include: hello/Include: nothing-so-called/' x.def
	rm x.sif
	build
	refused 'Bootstrap: dnf: .*dnf failed with exit status 1; its last words: .*nothing-so-called'
}

@test "zypper makes a base from a local repository" {
	for p in zypper rpmbuild createrepo_c; do command -v $p >/dev/null || skip "no $p"; done
	repository
	printf 'Bootstrap: zypper\nMirrorURL: file://%s/repo\nInclude: hello\n' "$PWD" >x.def
	build
	built
	same "$(lists /opt/text)" "-rw-r--r-- 1234/42"
	same "$(lists /opt/shared/data)" "-rwsr-x--- 1234/50"
}

@test "pacman makes a base from a local repository" {
	command -v pacman >/dev/null || skip "no pacman"
	mkdir -p arch/pkg/opt/d arch/base-1-1
	echo hi >arch/pkg/opt/hi && chmod 4755 arch/pkg/opt/hi
	printf 'pkgname = base\npkgver = 1-1\npkgdesc = x\narch = any\nsize = 3\nbuilddate = 1\n' >arch/pkg/.PKGINFO
	(cd arch/pkg && tar --owner=12 --group=13 --zstd -cf ../base-1-1-any.pkg.tar.zst .PKGINFO opt)
	printf '%%FILENAME%%\nbase-1-1-any.pkg.tar.zst\n\n%%NAME%%\nbase\n\n%%VERSION%%\n1-1\n\n%%ARCH%%\nany\n' \
		>arch/base-1-1/desc
	tar -C arch -czf arch/here.db base-1-1
	printf '[options]\nArchitecture = auto\nSigLevel = Never\n[here]\nServer = file://%s/arch\n' "$PWD" >pacman.conf
	printf 'Bootstrap: arch\nConfURL: %s/pacman.conf\n' "$PWD" >x.def
	build
	built
	same "$(lists /opt/hi)" "-rwsr-xr-x 12/13"
	same "$(lists /opt/d)" "drwxr-xr-x 12/13"
}

@test "a distribution's tool that is missing is named" {
	unshare -Urm true 2>/dev/null || skip "this machine makes no user namespaces"
	while read -r agent program; do
		printf 'Bootstrap: %s\nMirrorURL: http://127.0.0.1:1/\nOSVersion: x\n' "$agent" >x.def
		# Whatever is installed is hidden behind a file that nobody can start.
		run --separate-stderr unshare -Urm sh -euc '
			for p in /usr/bin/dnf* /usr/bin/yum /usr/bin/zypper /usr/bin/pacman /usr/bin/mmdebstrap \
				/usr/sbin/debootstrap; do
				[ ! -e "$p" ] || mount --bind /dev/null "$(readlink -f "$p")"
			done
			exec "$0" build x.sif x.def' "$BERTH"
		refused "Bootstrap: $agent needs .*$program.*, which is not installed here"
	done <<<$'zypper zypper\narch pacman\nyum dnf\ndebootstrap mmdebstrap'
}
