berth_fuzz(fuzz_challenge berth_registry)
berth_fuzz(fuzz_manifest berth_registry)
berth_fuzz(fuzz_ref berth_registry)
berth_fuzz(fuzz_saved berth_registry)
