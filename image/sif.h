/* sif: the container of an image file, as Apptainer and SingularityCE know it
 * (version 01 of the format: header, a table of descriptors, data objects).
 *
 *	auto_sif struct sif *s = NULL;
 *	if (sif_read(&s, fd, e) != 0) ...             // 1: no SIF at all
 *	const struct sif_object *p = sif_primary(s);  // NULL: no system to run
 *
 * Reading trusts nothing: when sif_read() returns 0, the table lies inside the
 * file, every object lies inside the file behind the table, no two overlap and
 * there is at most one primary partition.  The caller owns fd throughout.
 *
 * Writing goes front to back; the header comes last, so a file that was cut
 * short has no magic and is no SIF:
 *
 *	sif_write_begin(&w, fd, &opts, e);
 *	sif_write_object(w, SIF_JSON, "labels", p, n, e);
 *	sif_write_partition_begin(w, &off, e);  ... write at off ...
 *	sif_write_partition_end(w, SIF_FS_SQUASH, SIF_PART_PRIMARY, "02", size, e);
 *	sif_write_end(w, e); */
#ifndef IMAGE_SIF_H
#define IMAGE_SIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/base/buf.h"
#include "src/base/err.h"
#include "src/base/mem.h"

enum sif_type {
	SIF_DEFFILE = 0x4001,
	SIF_ENV = 0x4002,
	SIF_LABELS = 0x4003,
	SIF_PARTITION = 0x4004,
	SIF_SIGNATURE = 0x4005,
	SIF_JSON = 0x4006,
	SIF_GENERIC = 0x4007,
	SIF_CRYPTO = 0x4008,
	SIF_SBOM = 0x4009,
	SIF_OCI_INDEX = 0x400A,
	SIF_OCI_BLOB = 0x400B
};
enum sif_fs {
	SIF_FS_SQUASH = 1,
	SIF_FS_EXT3,
	SIF_FS_ARCHIVE,
	SIF_FS_RAW,
	SIF_FS_LUKS,	 /* SquashFS in LUKS2 */
	SIF_FS_GOCRYPTFS /* SquashFS in gocryptfs */
};
enum sif_part { SIF_PART_SYSTEM = 1, SIF_PART_PRIMARY, SIF_PART_DATA, SIF_PART_OVERLAY };

#define SIF_GROUP_BIT 0xF0000000u      /* in link: the rest names a group, not an object */
#define SIF_ZERO_TIME (-62135596800ll) /* the "unset" time of a deterministic image */
#define SIF_LAUNCH    "#!/usr/bin/env run-singularity\n"

struct sif_object {
	uint32_t id;
	uint32_t group; /* 0: in no group */
	uint32_t link;	/* 0: none; else an id, or SIF_GROUP_BIT | group */
	int32_t type;	/* enum sif_type, or what a newer writer put there */
	int64_t off, size;
	int64_t ctime, mtime;
	char name[129];
	int32_t fs, part;   /* of partitions, else 0 */
	char arch[3];	    /* code of a partition, "00" unknown; else "" */
	uint8_t extra[384]; /* as stored */
};

struct sif {
	char launch[33];
	char arch[3];
	uint8_t uuid[16];
	int64_t ctime, mtime;
	int64_t data_off, data_size;
	int64_t total, table_off; /* slots of the table, where it begins */
	struct sif_object *obj; /* the live ones, in table order */
	size_t n;
};

/* 0 read, 1 fd is no SIF (no magic where it belongs), -1 ERR_INPUT says which rule is
 * broken, ERR_UNSUPPORTED another format version. */
int sif_read(struct sif **out, int fd, struct err *e);
void sif_free(struct sif *s);
static inline void sif_free_p_(struct sif **s)
{
	sif_free(*s);
}
#define auto_sif auto_(sif_free_p_)

/* The primary system partition, NULL when there is none. */
const struct sif_object *sif_primary(const struct sif *s);
/* The first object of that type and name (NULL: any name), or NULL. */
const struct sif_object *sif_find(const struct sif *s, int32_t type, const char *name);
/* Adds the object's bytes to out; more than max is ERR_LIMIT. */
int sif_object_read(const struct sif *s, int fd, const struct sif_object *o, struct buf *out,
		    size_t max, struct err *e);

/* "amd64" -> "02"; "00" for an unknown one.  Static strings, both. */
const char *sif_arch_code(const char *goarch);
/* "02" -> "amd64"; "unknown". */
const char *sif_arch_name(const char *code);

struct sif_write_opts {
	bool deterministic; /* nil UUID, zero times: the bytes depend on the objects only */
	const char *launch; /* at most 31 bytes; NULL: none */
	const char *arch;   /* header's code until a primary partition says otherwise; NULL "00" */
};

struct sif_writer;

/* The file is written at fd's offsets from 0 on; it should be empty. */
int sif_write_begin(struct sif_writer **out, int fd, const struct sif_write_opts *o, struct err *e);
/* Appends one object of group 1. */
int sif_write_object(struct sif_writer *w, int32_t type, const char *name, const void *p, size_t n,
		     struct err *e);
/* The same for every field: type, group, link, name, fs, part, arch and, for other types than
 * partitions, extra are taken from like. */
int sif_write_like(struct sif_writer *w, const struct sif_object *like, const void *p, size_t n,
		   struct err *e);
/* *off: where the caller writes the partition's bytes, a multiple of 4096. */
int sif_write_partition_begin(struct sif_writer *w, off_t *off, struct err *e);
int sif_write_partition_end(struct sif_writer *w, int32_t fs, int32_t part, const char *arch,
			    uint64_t size, struct err *e);
/* Writes table and header.  No fsync: that is the business of who renames the file. */
int sif_write_end(struct sif_writer *w, struct err *e);
void sif_writer_free(struct sif_writer *w);
static inline void sif_writer_free_p_(struct sif_writer **w)
{
	sif_writer_free(*w);
}
#define auto_sif_writer auto_(sif_writer_free_p_)

#endif
