berth_unit(test_def berth_recipe)
berth_unit(test_docker berth_recipe)
