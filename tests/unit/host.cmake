# berth_unit(test_<module> <libraries>)
berth_unit(test_host berth_host berth_plan)
