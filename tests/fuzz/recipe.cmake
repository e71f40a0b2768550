berth_fuzz(fuzz_def berth_recipe)
