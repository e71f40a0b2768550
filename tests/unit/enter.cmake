berth_unit(test_blockers berth_enter)
berth_unit(test_enter berth_enter)
berth_unit(test_keeper berth_mpi)
berth_unit(test_launcher berth_mpi)
