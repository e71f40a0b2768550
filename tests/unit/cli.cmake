berth_unit(test_opt berth_cli_opt)
