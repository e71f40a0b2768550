# build: what the bats files about building share.
#
#	def <<-'END' ... END       # writes x.def
#	build [OPTION...]          # berth build -F x.sif x.def, with a store of the test's own; see run
#	lists PATH                 # "mode owner size" of a path of x.sif, as a real owner sees it
# shellcheck shell=bash disable=SC2034,SC2154

build_setup() {
	export BERTH_CACHEDIR=$BATS_TEST_TMPDIR/cache HOME=$BATS_TEST_TMPDIR/home
	mkdir -p "$HOME"
	unset SOURCE_DATE_EPOCH
}

def() { sed 's/^\t*//' >x.def; }

build() { run --separate-stderr berth build -F "$@" x.sif "${SPEC:-x.def}"; }

built() {
	[ "$status" = 0 ] || {
		printf 'status %s\n%s\n%s\n' "$status" "$output" "$stderr"
		return 1
	}
}

# Status 125; a line matches REGEX; nothing under the output's name, nothing private left.
refused() {
	[ "$status" = 125 ] || {
		printf 'status %s, wanted 125\n%s\n' "$status" "$stderr"
		return 1
	}
	grep -qE -- "$1" <<<"$stderr" || {
		printf '%s\nwanted: %s\n' "$stderr" "$1"
		return 1
	}
	[ ! -e x.sif ] && [ -z "$(find . -maxdepth 1 -name '.berth-*')" ]
}

squashfs_offset() { grep -abom1 hsqs "$1" | head -n1 | cut -d: -f1; }

# One line of unsquashfs's listing: mode and owner.
lists() {
	unsquashfs -o "$(squashfs_offset x.sif)" -lln x.sif |
		awk -v p="squashfs-root$1" '$0 ~ (p "( |$)") { for (i = 3; i <= NF; i++) if ($i == p) print $1, $2 }'
}

# Out of the SIF's inspect-metadata.json.
attribute() {
	python3 - <<-'END' | jq -r ".data.attributes.$1"
		import json
		f = open("x.sif", "rb").read()
		at = f.index(b'{"data":{"attributes":')
		print(json.dumps(json.JSONDecoder().raw_decode(f[at:at + (1 << 20)].decode("utf-8", "replace"))[0]))
	END
}
