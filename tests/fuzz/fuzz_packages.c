#include <stdint.h>

#include "src/flow/packages.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	auto_package_list struct package_list list = { 0 };

	packages_dpkg((const char *)p, n, &list);
	packages_apk((const char *)p, n, &list);
	packages_rpm_sqlite((const char *)p, n, &list);
	packages_rpm_ndb((const char *)p, n, &list);
	packages_sort(&list);
	return 0;
}
