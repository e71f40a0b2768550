#include "src/base/site.h"

#define DIR BERTH_SYSCONFDIR "/berth"

const char *site_dir(void)
{
	return DIR;
}

const char *site_file(void)
{
	return DIR "/berth.conf";
}
