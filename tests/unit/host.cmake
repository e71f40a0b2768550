berth_unit(test_host berth_host berth_plan)
