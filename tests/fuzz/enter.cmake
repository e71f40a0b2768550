berth_fuzz(fuzz_owners berth_enter)
