# berth_unit(test_<module> <libraries>)
berth_unit(test_plan berth_plan)
