berth_unit(test_host berth_host berth_plan)
berth_unit(test_lease berth_host)
berth_unit(test_signals berth_host)
