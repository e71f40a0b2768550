# berth_unit(test_<module> <libraries>)
