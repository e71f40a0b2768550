berth_fuzz(fuzz_script berth_plan berth_host)
berth_fuzz(fuzz_limits berth_plan berth_host)
berth_fuzz(fuzz_conf berth_plan)
