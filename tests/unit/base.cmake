berth_unit(test_base berth_base)
berth_unit(test_json berth_base)
berth_unit(test_fd berth_base)
berth_unit(test_toml berth_base)
