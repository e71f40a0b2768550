/* race: commands against each other, in one process, so that their ratio can be trusted on a small
 * and shared machine.
 *
 *	race --id S1 --name "start, directory" -n 15 -b 20
 *	     --ours berth -- berth exec DIR /bin/true
 *	     --vs bwrap=0.80 -- bwrap --ro-bind DIR / /bin/true
 *	     --vs mini -- mini DIR /bin/true
 *
 * Every round runs each contender once, in rotated order; the figure is the median over the rounds
 * of ours / peer within a round, so slow drifts of the machine cancel.  A target is reached when
 *the 90th percentile is below it, missed when the 10th is above, undecided between. bench/README.md
 * has the rules; prints one line of a Markdown table per peer. */
#include "family.h"
#include "sample.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CONTENDERS_MAX = 8, ROUNDS_MAX = 200, CLEAN_MIN = 5 };

struct race {
	const char *id, *name;
	int rounds, warmups;
	double max_anon, max_rss; /* MiB, 0: not asked */
	double max_size;	  /* ours / peer, 0: not asked */
	struct sample_rules rules;
	struct contender c[CONTENDERS_MAX];
	int n;
	bool more; /* another contender follows */
	struct sample s[CONTENDERS_MAX][ROUNDS_MAX];
};

struct spread {
	double low, mid, high; /* 10th, 50th, 90th percentile */
	int n;
};

static void usage(const char *what)
{
	fprintf(stderr,
		"race: %s\n"
		"usage: race --id ID --name TEXT [-n ROUNDS] [-b BATCH] [-w WARMUPS] [-t SECONDS]\n"
		"            [-g GATE_SECONDS] [--max-anon MIB] [--max-rss MIB] [--max-size "
		"RATIO]\n"
		"            --ours LABEL [CONTENDER OPTIONS] -- COMMAND...\n"
		"            {--vs LABEL[=TARGET] [CONTENDER OPTIONS] -- COMMAND...}\n"
		"contender options: --up SH --down SH --before SH --after SH --join PIDFILE --out "
		"FILE\n"
		"environment: RACE_ROUNDS, RACE_GATE (seconds) override; RACE_RAW=FILE gets "
		"samples\n",
		what);
	exit(2);
}

static double number(const char *text)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || *end != '\0' || v < 0)
		usage(text);
	return v;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double percentile(const double *sorted, int n, double p)
{
	double at = p * (n - 1);
	int i = (int)at;

	return i + 1 < n ? sorted[i] + (at - i) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

static struct spread spread_of(double *v, int n)
{
	if (n == 0)
		return (struct spread){ 0 };
	qsort(v, (size_t)n, sizeof(*v), by_value);
	return (struct spread){ percentile(v, n, 0.1), percentile(v, n, 0.5), percentile(v, n, 0.9),
				n };
}

/* The options between a contender's label and its command; *at is left on the next --vs. */
static void parse_contender(struct race *r, char **argv, int *at, const char *label)
{
	struct contender *c = &r->c[r->n];
	char *eq = strchr(label, '=');

	if (r->n == CONTENDERS_MAX)
		usage("too many contenders");
	r->n++;
	c->label = label;
	if (eq) {
		*eq = '\0';
		c->target = number(eq + 1);
	}
	for (; argv[*at] && strcmp(argv[*at], "--") != 0; *at += 2) {
		const struct {
			const char *name, **to;
		} opts[] = { { "--up", &c->up },	 { "--down", &c->down },
			     { "--before", &c->before }, { "--after", &c->after },
			     { "--join", &c->join },	 { "--out", &c->out } };
		size_t i = 0;

		while (i < 6 && strcmp(argv[*at], opts[i].name) != 0)
			i++;
		if (i == 6 || !argv[*at + 1])
			usage(argv[*at]);
		*opts[i].to = argv[*at + 1];
	}
	if (!argv[*at])
		usage("a contender has no command");
	c->argv = &argv[++*at];
	while (argv[*at] && strcmp(argv[*at], "--vs") != 0)
		++*at;
	r->more = argv[*at] != NULL;
	argv[*at] = NULL; /* ends this command */
	if (c->argv == &argv[*at])
		usage("a contender's command is empty");
	r->rules.stamp |= c->join != NULL;
}

static void parse_number(struct race *r, const char *name, const char *value)
{
	double v = number(value);

	if (!strcmp(name, "-n"))
		r->rounds = v > ROUNDS_MAX ? ROUNDS_MAX : (int)v;
	else if (!strcmp(name, "-b"))
		r->rules.batch = (int)v;
	else if (!strcmp(name, "-w"))
		r->warmups = (int)v;
	else if (!strcmp(name, "-t"))
		r->rules.timeout_s = (int)v;
	else if (!strcmp(name, "-g"))
		r->rules.gate_s = v;
	else if (!strcmp(name, "--max-anon"))
		r->max_anon = v;
	else if (!strcmp(name, "--max-rss"))
		r->max_rss = v;
	else if (!strcmp(name, "--max-size"))
		r->max_size = v;
	else
		usage(name);
}

static void parse(struct race *r, char **argv)
{
	const char *rounds = getenv("RACE_ROUNDS"), *wait = getenv("RACE_GATE");
	int at = 1;

	while (r->more || argv[at]) {
		const char *name = r->more ? "--vs" : argv[at], *value = argv[at + 1];

		r->more = false;

		if (!value)
			usage(name);
		at += 2;
		if (!strcmp(name, "--id"))
			r->id = value;
		else if (!strcmp(name, "--name"))
			r->name = value;
		else if (!strcmp(name, r->n == 0 ? "--ours" : "--vs"))
			parse_contender(r, argv, &at, value);
		else
			parse_number(r, name, value);
	}
	if (rounds)
		parse_number(r, "-n", rounds);
	if (wait)
		parse_number(r, "-g", wait);
	if (r->n == 0 || r->rounds < 1 || r->rules.batch < 1 || r->rules.timeout_s < 1)
		usage("nothing to run");
}

static void run_round(struct race *r, int round, bool keep)
{
	for (int i = 0; i < r->n; i++) {
		int who = (i + round) % r->n;
		struct sample s = { .failed = true };

		if (!r->c[who].broken)
			sample_take(&s, &r->c[who], &r->rules);
		if (keep)
			r->s[who][round] = s;
	}
}

static void run_all(struct race *r)
{
	double wait = r->rules.gate_s;

	for (int i = 0; i < r->n; i++)
		if (r->c[i].up && sample_sh(r->c[i].up) != 0) {
			r->c[i].broken = true;
			snprintf(r->c[i].why, sizeof(r->c[i].why), "preparation failed");
		}
	r->rules.gate_s = 0;
	for (int i = 0; i < r->warmups; i++)
		run_round(r, i, false);
	r->rules.gate_s = wait;
	for (int i = 0; i < r->rounds; i++)
		run_round(r, i, true);
	for (int i = 0; i < r->n; i++)
		if (r->c[i].down)
			sample_sh(r->c[i].down);
}

static double wall(const struct sample *s)
{
	return s->wall_ms;
}

static double cpu(const struct sample *s)
{
	return s->cpu_ms;
}

/* Ratios of the rounds in which both ran undisturbed, or of all rounds when those are too few. */
static struct spread ratio(const struct race *r, int peer, double (*of)(const struct sample *),
			   bool *noisy)
{
	double v[ROUNDS_MAX];
	int n = 0, clean = 0;

	for (int i = 0; i < r->rounds; i++)
		clean += !r->s[0][i].noisy && !r->s[peer][i].noisy;
	*noisy = clean < (r->rounds < CLEAN_MIN ? r->rounds : CLEAN_MIN);
	for (int i = 0; i < r->rounds; i++) {
		const struct sample *a = &r->s[0][i], *b = &r->s[peer][i];

		if (a->failed || b->failed || (!*noisy && (a->noisy || b->noisy)))
			continue;
		if (of(b) > 0)
			v[n++] = of(a) / of(b);
	}
	return spread_of(v, n);
}

static double median_ms(const struct race *r, int who)
{
	double v[ROUNDS_MAX];
	int n = 0, clean = 0;

	for (int i = 0; i < r->rounds; i++)
		clean += !r->s[who][i].failed && !r->s[who][i].noisy;
	for (int i = 0; i < r->rounds; i++)
		if (!r->s[who][i].failed && (clean == 0 || !r->s[who][i].noisy))
			v[n++] = r->s[who][i].wall_ms;
	return spread_of(v, n).mid;
}

static double size_mib(const char *path)
{
	struct stat st;

	return path && stat(path, &st) == 0 ? (double)st.st_size / (1 << 20) : 0;
}

static const char *verdict(struct spread s, double target, bool noisy)
{
	if (target <= 0)
		return "reference";
	if (s.n == 0)
		return "not run";
	if (noisy)
		return s.mid <= target ? "undecided (noisy, below)" : "undecided (noisy, above)";
	if (s.high <= target)
		return "reached";
	if (s.low > target)
		return "missed";
	return s.mid <= target ? "undecided (median below)" : "undecided (median above)";
}

static void print_ms(double ms)
{
	if (ms >= 1000)
		printf("%.2f s", ms / 1000);
	else
		printf("%.*f ms", ms >= 100 ? 0 : ms >= 10 ? 1 : 2, ms);
}

static void print_target(double target)
{
	if (target > 0)
		printf("%.2f", target);
	else
		printf("-");
}

static void report_size(const struct race *r, int peer)
{
	double a = size_mib(r->c[0].out), b = size_mib(r->c[peer].out);

	if (a <= 0 || b <= 0)
		return;
	printf("| %s | %s, size | %.1f MiB | %s %.1f MiB | %.3f | ", r->id, r->name, a,
	       r->c[peer].label, b, a / b);
	print_target(r->max_size);
	printf(" | | %s |\n", r->max_size <= 0	     ? "reference"
			      : a / b <= r->max_size ? "reached"
						     : "missed");
}

static double written(const struct race *r, int i)
{
	double top = 0;

	for (int k = 0; k < r->rounds; k++)
		if (!r->s[i][k].failed && r->s[i][k].written_mib > top)
			top = r->s[i][k].written_mib;
	return top;
}

/* A peer's files, layers, trees and images; where a contender names an output, that is the question. */
static void report_written(const struct race *r, int peer)
{
	double a = written(r, 0), b = written(r, peer);

	if (!r->c[0].out || !r->c[peer].out || b <= 0)
		return;
	printf("| %s | %s, written to disk | %.0f MiB | %s %.0f MiB | %.3f | - | | reference |\n", r->id,
	       r->name, a, r->c[peer].label, b, a / b);
}

static void report_peer(const struct race *r, int peer)
{
	const struct contender *c = &r->c[peer], *broken = r->c[0].broken ? &r->c[0] : c;
	struct spread w, p;
	bool noisy;

	w = ratio(r, peer, wall, &noisy);
	p = ratio(r, peer, cpu, &noisy);
	printf("| %s | %s | ", r->id, r->name);
	print_ms(median_ms(r, 0));
	printf(" | %s ", c->label);
	print_ms(median_ms(r, peer));
	if (w.n == 0) {
		printf(" | | ");
		print_target(c->target);
		printf(" | | not run: %s: %s |\n", broken->label, broken->why);
		return;
	}
	printf(" | %.2f (%.2f–%.2f, n=%d) | ", w.mid, w.low, w.high, w.n);
	print_target(c->target);
	printf(" | %.2f | %s%s%s |\n", p.mid, verdict(w, c->target, noisy),
	       broken->broken ? "; later failed: " : "", broken->why);
	report_size(r, peer);
	report_written(r, peer);
}

static void report_memory(const struct race *r, const char *what, double limit, bool anon)
{
	double top = 0, rss = 0;

	for (int i = 0; i < r->rounds; i++) {
		double v = anon ? r->s[0][i].anon_mib : r->s[0][i].rss_mib;

		if (!r->s[0][i].failed && v > top) {
			top = v;
			rss = r->s[0][i].anon_rss_mib;
		}
	}
	printf("| %s | %s, %s | %.1f MiB", r->id, r->name, what, top);
	if (anon)
		printf(" (%.1f resident)", rss);
	printf(" | | | %.0f MiB | | %s |\n", limit,
	       top <= 0	      ? "not run"
	       : top <= limit ? "reached"
			      : "missed");
}

static void write_raw(const struct race *r)
{
	const char *path = getenv("RACE_RAW");
	FILE *out = path ? fopen(path, "ae") : NULL;

	if (!out)
		return;
	for (int i = 0; i < r->n; i++)
		for (int k = 0; k < r->rounds; k++) {
			const struct sample *s = &r->s[i][k];

			fprintf(out, "%s\t%s\t%s\t%d\t%.4f\t%.4f\t%.1f\t%.1f\t%s\n", r->id, r->name,
				r->c[i].label, k, s->wall_ms, s->cpu_ms, s->rss_mib, s->anon_mib,
				s->failed  ? "failed"
				: s->noisy ? "noisy"
					   : "clean");
		}
	fclose(out);
}

int main(int argc, char **argv)
{
	static struct race r = {
		.id = "-",
		.name = "-",
		.rounds = 15,
		.warmups = 2,
		.rules = { .batch = 1, .timeout_s = 60, .gate_s = 25 },
	};
	int left;

	(void)argc;
	parse(&r, argv);
	family_adopt();
	run_all(&r);
	for (int i = 1; i < r.n; i++)
		report_peer(&r, i);
	if (r.n == 1 && r.c[0].broken)
		printf("| %s | %s | | | | | | not run: %s |\n", r.id, r.name, r.c[0].why);
	if (r.max_rss > 0)
		report_memory(&r, "largest process", r.max_rss, false);
	if (r.max_anon > 0)
		report_memory(&r, "anonymous memory", r.max_anon, true);
	write_raw(&r);
	family_settle(&(struct family){ 0 }, 2000, &left);
	return r.c[0].broken ? 1 : 0;
}
