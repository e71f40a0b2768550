berth_unit(test_sif berth_image)
berth_unit(test_store berth_image)
berth_unit(test_oci berth_image)
berth_unit(test_meta_script berth_image)
