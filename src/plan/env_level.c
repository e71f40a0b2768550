#include "src/plan/env_level.h"

#include <string.h>

#include "src/base/mem.h"

/* A name, or with a star at its end what names begin with. */

/* What makes a program of the image load the host's code. */
static const char *const denied[] = {
	"LD_*",
	"GCONV_PATH",
	"LOCPATH",
	"NLSPATH",
	"BASH_ENV",
	"ENV",
	"PYTHON*",
	"VIRTUAL_ENV*",
	"PIP_*",
	"PERL*",
	"R_*",
	"RSTUDIO*",
	"CONDA_*",
	"_CE_CONDA",
	"_CE_M",
	"MAMBA_*",
	"RUBYLIB",
	"RUBYOPT",
	"GEM_*",
	"BUNDLE_*",
	"NODE_PATH",
	"NODE_OPTIONS",
	"NPM_CONFIG_*",
	"JULIA_*",
	"LUA_PATH*",
	"LUA_CPATH*",
	"CLASSPATH",
	"JAVA_*",
	"_JAVA_OPTIONS",
	"JDK_JAVA_OPTIONS",
	"TCLLIBPATH",
	"GUILE_LOAD_*",
	"GOPATH",
	"GOROOT",
	"OCTAVE_PATH",
	"MATLABPATH",
	"QT_PLUGIN_PATH",
	"GIO_*",
	"GTK_PATH",
	"XDG_DATA_DIRS",
	"XDG_CONFIG_DIRS",
	"LIBRARY_PATH",
	"CPATH",
	"C_INCLUDE_PATH",
	"CPLUS_INCLUDE_PATH",
	"PKG_CONFIG_PATH",
	"CMAKE_PREFIX_PATH",
	"MANPATH",
	"MODULE*",
	"LMOD_*",
	"LOADEDMODULES",
	"_LMFILES_*",
	"_ModuleTable*",
	"__LMOD_*",
	"SPACK_*",
	"EASYBUILD_*",
	"EB*",
};

/* What a job's launcher tells its ranks, and what a scheduler granted. */
static const char *const job[] = {
	"SLURM*", "SRUN_*",   "PMI_*",	 "PMI2_*",	"PMIX_*",   "OMPI_*",  "PRTE_*", "ORTE_*",
	"MPI_*",  "MPIR_*",   "MPICH_*", "HYDRA_*",	"HYDI_*",   "I_MPI_*", "MV2_*",	 "PALS_*",
	"ALPS_*", "PALSD_*",  "PBS_*",	 "LSB_*",	"LSF_*",    "JSM_*",   "FLUX_*", "UCX_*",
	"FI_*",	  "NCCL_*",   "RCCL_*",	 "CUDA_*",	"NVIDIA_*", "ROCR_*",  "HIP_*",	 "GPU_*",
	"ZE_*",	  "OMP_*",    "GOMP_*",	 "KMP_*",	"TMPDIR",   "JOB_ID",  "SGE_*",	 "NSLOTS",
	"NHOSTS", "COBALT_*", "OAR_*",	 "PE_HOSTFILE",
};

static const char *const polite[] = {
	"TERM",	     "COLORTERM",  "LANG",	 "LC_*",	"LANGUAGE",
	"TZ",	     "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
	"no_proxy",  "NO_PROXY",   "all_proxy",	 "ALL_PROXY",	"ftp_proxy",
	"FTP_PROXY", "DISPLAY",	   "XAUTHORITY", "USER",	"LOGNAME",
};

/* R takes NULL for no library of the user's; before 4.2 it is a directory that is not there. */
static const char *const user_site_off[] = { "PYTHONNOUSERSITE=1", "R_LIBS_USER=NULL", NULL };
static const char *const nothing[] = { NULL };

static const char *const names[] = {
	[ENV_DROPIN] = "dropin", [ENV_CLEAN] = "clean", [ENV_STRICT] = "strict"
};

static bool matches(const char *pattern, const char *name, size_t len)
{
	size_t n = strlen(pattern);

	if (pattern[n - 1] == '*')
		return len >= n - 1 && !memcmp(pattern, name, n - 1);
	return len == n && !memcmp(pattern, name, n);
}

static bool any(const char *const *list, size_t n, const char *name, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (list[i][0] == name[0] && matches(list[i], name, len))
			return true;
	return false;
}

int env_level_parse(enum env_level *out, const char *word, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!word || !strcmp(word, names[i])) {
			*out = (enum env_level)i;
			return 0;
		}
	}
	return err_set(e, ERR_USAGE, "--env-level %s: there are dropin, clean and strict", word);
}

const char *env_level_name(enum env_level l)
{
	return names[l];
}

bool env_level_is_job(const char *name, size_t len)
{
	return any(job, ARRAY_LEN(job), name, len);
}

bool env_level_passes(enum env_level l, const char *name, size_t len)
{
	if (l == ENV_DROPIN)
		return true;
	if (env_level_is_job(name, len))
		return true;
	if (l == ENV_CLEAN)
		return !any(denied, ARRAY_LEN(denied), name, len);
	return any(polite, ARRAY_LEN(polite), name, len);
}

const char *const *env_level_adds(enum env_level l)
{
	return l == ENV_DROPIN ? nothing : user_site_off;
}
