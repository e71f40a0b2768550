berth_fuzz(fuzz_squash berth_image berth_base)
