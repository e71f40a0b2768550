berth_unit(test_opt berth_cli_opt)
berth_unit(test_run_opts berth_cli)
berth_unit(test_persona berth_cli)
