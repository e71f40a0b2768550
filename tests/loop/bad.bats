#!/usr/bin/env bats
# Images that lie or attack, one repository each, made by tests/lab/hostile.py: one line names the
# thing, the status is 125, nothing is left behind.
load ../lab/bats

# refuses REPO REGEX
refuses() {
	pull "$1:1" "$LAB_SITE"
	fails "$2" || {
		echo "case: $1"
		return 1
	}
	store_tidy empty
}

@test "the good image of the site is good" {
	pull good:1 "$LAB_SITE"
	worked
	rm out.sif
	pull lawful:1 "$LAB_SITE"
	worked
}

@test "names that leave the image are refused" {
	refuses dotdot "\.\."
	refuses hardlink-out "\.\.|h"
	refuses hardlink-none "no/such/file"
	refuses wh-dotdot "\.wh\.\."
	refuses nul-name "name|path|PAX|NUL"
	refuses empty-name "name"
}

@test "absolute names and names through links stay inside the image" {
	for repo in absolute through-link; do
		pull "$repo:1" "$LAB_SITE"
		if [ "$status" = 0 ]; then rm out.sif; else fails "absolute|etc|link"; fi
	done
	[ ! -e /etc/absolute ] && [ ! -e /etc/cron.d/x ]
}

@test "broken tars and broken compression are refused" {
	refuses bad-checksum "checksum"
	refuses gzip-cut "layer sha256"
	refuses tar-cut "layer sha256"
	refuses gzip-crc "layer sha256"
	refuses no-tar "layer sha256"
	refuses pax-size "layer sha256"
	refuses pax-long "layer sha256"
	refuses deep "layer sha256"
	refuses sparse-lie "layer sha256"
}

@test "a layer whose content is not its diff_id is refused" {
	refuses diffid "diff_?id|digest"
}

@test "a bomb is refused, and the limit that stopped it is named" {
	refuses bomb "bomb|ratio|max|limit|more than"
	pull good:1 "$LAB_SITE" --max-layer-size 1000
	fails "1000|max-layer-size"
	pull good:1 "$LAB_SITE" --max-entries 1
	fails "max-entries|entries|files"
}

@test "sizes that are lies are refused" {
	refuses size-small "size|10"
	refuses size-big "size|bytes"
	refuses size-huge "size|space|large"
	refuses size-negative "size"
	refuses size-text "size"
}

@test "manifests of the wrong shape are refused" {
	refuses layers-object "layers"
	refuses layers-none "layers"
	refuses not-json "JSON|manifest"
	refuses json-array "manifest|object"
	refuses json-cut "JSON|manifest"
	refuses json-deep "deep|nest|JSON"
	refuses json-big "MiB|large|bytes|limit"
	refuses config-array "config"
	refuses env-number "Env"
	refuses diffids-few "1 layers?, the config 0"
}

@test "digests that are none are refused" {
	refuses digest-short "digest"
	refuses digest-path "digest"
	refuses digest-md5 "md5|digest"
	refuses digest-header "digest"
	pull "wrong-digest@sha256:d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa" "$LAB_SITE"
	fails "sha256:d9298a10"
}

@test "media types that are not known are named" {
	refuses type-layer "application/x-rpm"
	refuses type-html "text/html|not valid JSON"
	refuses schema1 "schema ?1|v1"
}

@test "blobs that are not there, wrong or short are named" {
	refuses config-missing "sha256:2222"
	refuses blob-missing "sha256:3333"
	refuses corrupt "sha256:"
	refuses short "sha256:"
}

@test "no matching platform lists what is on offer" {
	refuses index-other "linux/s390x.*windows/amd64|windows/amd64.*linux/s390x"
	refuses index-loop "platform|empty|no "
	refuses os-other "windows"
}

@test "what the server answers is passed on, made harmless" {
	refuses status-401 "401|denied|unauthori[sz]ed|credentials"
	refuses status-403 "403|denied"
	pull status-403:1 "$LAB_SITE"
	[[ $stderr != *$'\e'* ]]
	refuses status-429 "429|too many"
	refuses status-500 "500"
}
