# berth_fuzz(fuzz_<module> <libraries>)
berth_fuzz(fuzz_script berth_plan berth_host)
