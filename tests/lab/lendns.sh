#!/bin/bash
# lendns.sh DIR COMMAND...: runs COMMAND on a machine that has an NVIDIA GPU, as far as files go.
#
# Started as the first program of new user and mount namespaces (unshare -Urm), where it lays over
# this machine what DIR holds:
#
#	dev/     names that appear in /dev (ordinary files stand for devices)
#	driver/  is /proc/driver
#	etc/     files that appear in /etc
#	site/    files that appear in BERTH_SITE, where this build looks for a site's configuration
#
# /dev is a tmpfs with the devices that a container needs, bound one by one.
set -eu
dir=$1
shift
work=$(mktemp -d "$dir/ns.XXXXXX")
mkdir "$work/dev" "$work/up" "$work/work"
mount -t tmpfs -o mode=0755 tmpfs "$work/dev" # a sticky one keeps devices from being written
for n in null zero full random urandom tty fuse; do
	[ -e "/dev/$n" ] || continue
	: >"$work/dev/$n"
	mount --bind "/dev/$n" "$work/dev/$n"
done
ln -s /proc/self/fd "$work/dev/fd"
mkdir "$work/dev/shm" "$work/dev/pts"
mount --rbind /dev/shm "$work/dev/shm"
mount --rbind /dev/pts "$work/dev/pts"
[ ! -d "$dir/dev" ] || cp -r "$dir/dev/." "$work/dev/"
mount --rbind "$work/dev" /dev
if [ -d "$dir/driver" ]; then mount --bind "$dir/driver" /proc/driver; fi
if [ -d "$dir/etc" ]; then
	cp -r "$dir/etc/." "$work/up/"
	mount -t overlay -o "lowerdir=/etc,upperdir=$work/up,workdir=$work/work,userxattr" overlay /etc
fi
if [ -d "$dir/site" ]; then
	at=$BERTH_SITE
	while [ ! -d "$at" ]; do at=$(dirname "$at"); done
	mkdir -p "$work/site${BERTH_SITE#"$at"}" "$work/sitework"
	cp -r "$dir/site/." "$work/site${BERTH_SITE#"$at"}/"
	mount -t overlay -o "lowerdir=$at,upperdir=$work/site,workdir=$work/sitework,userxattr" overlay "$at"
fi
exec "$@"
