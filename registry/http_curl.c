/* libcurl >= 7.68 (curl_multi_wakeup), loaded when a registry is first asked for something. */
#include <pthread.h>

#include "registry/http_priv.h"
#include "src/base/dl.h"

struct curl_functions curl;

static const struct dl_symbol curl_symbols[] = {
	DL_SYMBOL(curl.global_init, "curl_global_init"),
	DL_SYMBOL(curl.easy_init, "curl_easy_init"),
	DL_SYMBOL(curl.easy_setopt, "curl_easy_setopt"),
	DL_SYMBOL(curl.easy_getinfo, "curl_easy_getinfo"),
	DL_SYMBOL(curl.easy_pause, "curl_easy_pause"),
	DL_SYMBOL(curl.easy_strerror, "curl_easy_strerror"),
	DL_SYMBOL(curl.easy_cleanup, "curl_easy_cleanup"),
	DL_SYMBOL(curl.multi_init, "curl_multi_init"),
	DL_SYMBOL(curl.multi_strerror, "curl_multi_strerror"),
	DL_SYMBOL(curl.multi_add, "curl_multi_add_handle"),
	DL_SYMBOL(curl.multi_remove, "curl_multi_remove_handle"),
	DL_SYMBOL(curl.multi_perform, "curl_multi_perform"),
	DL_SYMBOL(curl.multi_poll, "curl_multi_poll"),
	DL_SYMBOL(curl.multi_wakeup, "curl_multi_wakeup"),
	DL_SYMBOL(curl.multi_info_read, "curl_multi_info_read"),
	DL_SYMBOL(curl.multi_cleanup, "curl_multi_cleanup"),
	DL_SYMBOL(curl.slist_append, "curl_slist_append"),
	DL_SYMBOL(curl.slist_free, "curl_slist_free_all"),
	DL_SYMBOL(curl.url_new, "curl_url"),
	DL_SYMBOL(curl.url_set, "curl_url_set"),
	DL_SYMBOL(curl.url_get, "curl_url_get"),
	DL_SYMBOL(curl.url_free, "curl_url_cleanup"),
	DL_SYMBOL(curl.free, "curl_free"),
};

static struct dl_library libcurl = { "libcurl.so.4", "libcurl4", curl_symbols,
				     ARRAY_LEN(curl_symbols), 0 };
static pthread_once_t global_once = PTHREAD_ONCE_INIT;

static void global_init(void)
{
	curl.global_init(CURL_GLOBAL_DEFAULT);
}

int http_curl_load(struct err *e)
{
	if (dl_load(&libcurl, e) < 0)
		return -1;
	pthread_once(&global_once, global_init);
	return 0;
}
