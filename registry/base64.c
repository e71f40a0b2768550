#include "registry/base64.h"

#include <stdint.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_add(struct buf *out, const void *p, size_t n)
{
	const uint8_t *b = p;

	for (; n; b += MIN(n, 3u), n -= MIN(n, 3u)) {
		uint32_t v = (uint32_t)b[0] << 16 | (n > 1 ? (uint32_t)b[1] << 8 : 0) |
			     (n > 2 ? b[2] : 0);

		buf_addch(out, digits[v >> 18]);
		buf_addch(out, digits[v >> 12 & 63]);
		buf_addch(out, n > 1 ? digits[v >> 6 & 63] : '=');
		buf_addch(out, n > 2 ? digits[v & 63] : '=');
	}
}

int base64_decode(struct buf *out, const char *text)
{
	size_t n = strcspn(text, "=");
	uint32_t v = 0;
	unsigned bits = 0;

	if (text[n + strspn(text + n, "=")] || strlen(text + n) > 2 || n % 4 == 1)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const char *d = strchr(digits, text[i]);

		if (!d)
			return -1;
		v = v << 6 | (uint32_t)(d - digits);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			buf_addch(out, (char)(v >> bits & 0xff));
		}
	}
	return 0;
}
