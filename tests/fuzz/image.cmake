# berth_fuzz(fuzz_<module> <libraries>)
