berth_fuzz(fuzz_def berth_recipe)
berth_fuzz(fuzz_docker berth_recipe)
