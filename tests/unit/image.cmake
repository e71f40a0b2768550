berth_unit(test_tar berth_image)
berth_unit(test_decode berth_image)
berth_unit(test_merge berth_image)
