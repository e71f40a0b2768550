berth_fuzz(fuzz_toml berth_base)
