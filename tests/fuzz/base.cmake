berth_fuzz(fuzz_toml berth_base)
berth_fuzz(fuzz_elf berth_base)
