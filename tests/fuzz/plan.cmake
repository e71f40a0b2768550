berth_fuzz(fuzz_script berth_plan berth_host)
