# berth_fuzz(fuzz_<module> <libraries>)
berth_fuzz(fuzz_challenge berth_registry)
berth_fuzz(fuzz_manifest berth_registry)
berth_fuzz(fuzz_ref berth_registry)
