berth_fuzz(fuzz_sif berth_image)
berth_fuzz(fuzz_oci berth_image)
