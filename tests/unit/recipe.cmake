berth_unit(test_def berth_recipe)
