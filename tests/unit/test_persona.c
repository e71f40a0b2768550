#include "tests/unit/unit.h"

#include "src/base/log.h"
#include "src/cli/persona.h"

START_TEST(the_name_alone_chooses_who_speaks)
{
	static const struct {
		const char *called, *name, *package, *prompt, *implied;
		int usage, failure, not_found;
	} t[] = {
		{ "berth", "berth", "berth", "Berth> ", NULL, 125, 125, 127 },
		{ "/usr/bin/apptainer", "apptainer", "apptainer", "Apptainer> ", NULL, 1, 255, 255 },
		{ "./singularity", "singularity", "apptainer", "Apptainer> ", NULL, 1, 255, 255 },
		{ "run-singularity", "singularity", "apptainer", "Apptainer> ", "run", 1, 255, 255 },
		{ "/opt/berth-1.2", "berth", "berth", "Berth> ", NULL, 125, 125, 127 },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		const struct persona *p;

		persona_choose("berth");
		p = persona_choose(t[i].called);
		ck_assert_str_eq(p->name, t[i].name);
		ck_assert_str_eq(p->package, t[i].package);
		ck_assert_str_eq(p->prompt, t[i].prompt);
		ck_assert_pstr_eq(p->implied, t[i].implied);
		ck_assert_int_eq(p->usage, t[i].usage);
		ck_assert_int_eq(p->failure, t[i].failure);
		ck_assert_int_eq(p->not_found, t[i].not_found);
		ck_assert_ptr_eq(persona(), p);
	}
}
END_TEST

START_TEST(messages_begin_as_the_name_has_them)
{
	persona_choose("singularity");
	ck_assert_str_eq(log_prefix(LOG_ERROR), "FATAL:   ");
	ck_assert_str_eq(log_prefix(LOG_WARN), "WARNING: ");
	ck_assert_str_eq(log_prefix(LOG_INFO), "INFO:    ");
	persona_choose("berth");
	ck_assert_str_eq(log_prefix(LOG_ERROR), "berth: ");
	ck_assert_str_eq(log_prefix(LOG_WARN), "berth: warning: ");
}
END_TEST

UNIT(persona, the_name_alone_chooses_who_speaks, messages_begin_as_the_name_has_them)
