berth_fuzz(fuzz_untar berth_image berth_base)
