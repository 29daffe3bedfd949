/*
 * store/hdf5_symbols - what is used of libhdf5, found when the first HDF5 file is opened.
 *
 * The library brings more than thirty others with it, among them what it needs for files on the web.  A program that is
 * linked to it starts four times slower, whatever its files are.  So it is not: the names below are pointers which
 * pw_hdf5_load() in hdf5_library.h fills, and the macros of hdf5.h, which are made of these names, go through them too.
 * A name that is not in the lists is not found when the project is linked.
 *
 * Where configure found no shared library (PW_HDF5_FILE), the archive is linked, and the names are its own.
 *
 * Threads: written once, under the lock of hdf5_library.h.
 */
#ifndef PW_STORE_HDF5_SYMBOLS_H
#define PW_STORE_HDF5_SYMBOLS_H

#include <hdf5.h>

#ifdef PW_HDF5_FILE

/* clang-format off */
#define PW_HDF5_FUNCTIONS(X) \
    X(H5Aclose) X(H5Acreate2) X(H5Aexists) X(H5Aget_space) X(H5Aget_type) X(H5Aopen) X(H5Aread) X(H5Awrite) \
    X(H5Dclose) X(H5Dcreate2) X(H5Dget_chunk_info) X(H5Dget_chunk_storage_size) X(H5Dget_create_plist) \
    X(H5Dget_num_chunks) X(H5Dget_offset) X(H5Dget_space) X(H5Dget_type) X(H5Dopen2) X(H5Dread) \
    X(H5Dread_chunk) X(H5Dvlen_reclaim) X(H5Dwrite_chunk) X(H5Eset_auto2) X(H5Fclose) X(H5Fcreate) \
    X(H5Fget_create_plist) X(H5Fopen) X(H5Gclose) X(H5Gopen2) X(H5Iget_name) X(H5Lexists) X(H5Oclose) X(H5Oexists_by_name) \
    X(H5Oopen) X(H5Ovisit2) X(H5Pclose) X(H5Pcreate) X(H5Pfill_value_defined) X(H5Pget_chunk) \
    X(H5Pget_external_count) X(H5Pget_fill_value) X(H5Pget_filter2) X(H5Pget_layout) X(H5Pget_nfilters) \
    X(H5Pget_userblock) X(H5Pset_chunk) X(H5Pset_chunk_cache) X(H5Pset_create_intermediate_group) \
    X(H5Pset_deflate) X(H5Pset_obj_track_times) X(H5Rdereference2) X(H5Sclose) X(H5Screate_simple) X(H5Sget_simple_extent_dims) \
    X(H5Sget_simple_extent_ndims) X(H5Sget_simple_extent_npoints) X(H5Sselect_hyperslab) X(H5Tclose) X(H5Tcopy) \
    X(H5Tenum_create) X(H5Tenum_insert) X(H5Tequal) X(H5Tget_class) X(H5Tget_fields) X(H5Tget_member_index) \
    X(H5Tget_nmembers) X(H5Tget_offset) X(H5Tget_order) X(H5Tget_precision) X(H5Tget_sign) X(H5Tget_size) \
    X(H5Tget_super) X(H5Tis_variable_str) X(H5Tset_ebias) X(H5Tset_fields) X(H5Tset_size) X(H5Zfilter_avail) \
    X(H5check_version) X(H5get_libversion) X(H5open)

#define PW_HDF5_VARIABLES(X) \
    X(H5P_CLS_DATASET_ACCESS_ID_g) X(H5P_CLS_DATASET_CREATE_ID_g) X(H5P_CLS_LINK_CREATE_ID_g) X(H5T_C_S1_g) \
    X(H5T_IEEE_F32LE_g) X(H5T_IEEE_F64LE_g) X(H5T_NATIVE_DOUBLE_g) X(H5T_NATIVE_FLOAT_g) X(H5T_NATIVE_INT16_g) \
    X(H5T_NATIVE_INT32_g) X(H5T_NATIVE_INT64_g) X(H5T_NATIVE_INT8_g) X(H5T_NATIVE_INT_g) X(H5T_NATIVE_UINT16_g) \
    X(H5T_NATIVE_UINT32_g) X(H5T_NATIVE_UINT64_g) X(H5T_NATIVE_UINT8_g) X(H5T_STD_I16LE_g) X(H5T_STD_I32LE_g) \
    X(H5T_STD_I64LE_g) X(H5T_STD_I8LE_g) X(H5T_STD_U16LE_g) X(H5T_STD_U32LE_g) X(H5T_STD_U64LE_g) \
    X(H5T_STD_U8LE_g)
/* clang-format on */

#define PW_HDF5_DECLARE(name) __typeof__(name) *name;
struct pw_hdf5_symbols {
    PW_HDF5_FUNCTIONS(PW_HDF5_DECLARE)
    PW_HDF5_VARIABLES(PW_HDF5_DECLARE)
};
#undef PW_HDF5_DECLARE

extern struct pw_hdf5_symbols pw_hdf5;

#define H5Aclose pw_hdf5.H5Aclose
#define H5Acreate2 pw_hdf5.H5Acreate2
#define H5Aexists pw_hdf5.H5Aexists
#define H5Aget_space pw_hdf5.H5Aget_space
#define H5Aget_type pw_hdf5.H5Aget_type
#define H5Aopen pw_hdf5.H5Aopen
#define H5Aread pw_hdf5.H5Aread
#define H5Awrite pw_hdf5.H5Awrite
#define H5Dclose pw_hdf5.H5Dclose
#define H5Dcreate2 pw_hdf5.H5Dcreate2
#define H5Dget_chunk_info pw_hdf5.H5Dget_chunk_info
#define H5Dget_chunk_storage_size pw_hdf5.H5Dget_chunk_storage_size
#define H5Dget_create_plist pw_hdf5.H5Dget_create_plist
#define H5Dget_num_chunks pw_hdf5.H5Dget_num_chunks
#define H5Dget_offset pw_hdf5.H5Dget_offset
#define H5Dget_space pw_hdf5.H5Dget_space
#define H5Dget_type pw_hdf5.H5Dget_type
#define H5Dopen2 pw_hdf5.H5Dopen2
#define H5Dread pw_hdf5.H5Dread
#define H5Dread_chunk pw_hdf5.H5Dread_chunk
#define H5Dvlen_reclaim pw_hdf5.H5Dvlen_reclaim
#define H5Dwrite_chunk pw_hdf5.H5Dwrite_chunk
#define H5Eset_auto2 pw_hdf5.H5Eset_auto2
#define H5Fclose pw_hdf5.H5Fclose
#define H5Fcreate pw_hdf5.H5Fcreate
#define H5Fget_create_plist pw_hdf5.H5Fget_create_plist
#define H5Fopen pw_hdf5.H5Fopen
#define H5Gclose pw_hdf5.H5Gclose
#define H5Gopen2 pw_hdf5.H5Gopen2
#define H5Iget_name pw_hdf5.H5Iget_name
#define H5Lexists pw_hdf5.H5Lexists
#define H5Oclose pw_hdf5.H5Oclose
#define H5Oexists_by_name pw_hdf5.H5Oexists_by_name
#define H5Oopen pw_hdf5.H5Oopen
#define H5Ovisit2 pw_hdf5.H5Ovisit2
#define H5Pclose pw_hdf5.H5Pclose
#define H5Pcreate pw_hdf5.H5Pcreate
#define H5Pfill_value_defined pw_hdf5.H5Pfill_value_defined
#define H5Pget_chunk pw_hdf5.H5Pget_chunk
#define H5Pget_external_count pw_hdf5.H5Pget_external_count
#define H5Pget_fill_value pw_hdf5.H5Pget_fill_value
#define H5Pget_filter2 pw_hdf5.H5Pget_filter2
#define H5Pget_layout pw_hdf5.H5Pget_layout
#define H5Pget_nfilters pw_hdf5.H5Pget_nfilters
#define H5Pget_userblock pw_hdf5.H5Pget_userblock
#define H5Pset_chunk pw_hdf5.H5Pset_chunk
#define H5Pset_chunk_cache pw_hdf5.H5Pset_chunk_cache
#define H5Pset_create_intermediate_group pw_hdf5.H5Pset_create_intermediate_group
#define H5Pset_deflate pw_hdf5.H5Pset_deflate
#define H5Pset_obj_track_times pw_hdf5.H5Pset_obj_track_times
#define H5Rdereference2 pw_hdf5.H5Rdereference2
#define H5Sclose pw_hdf5.H5Sclose
#define H5Screate_simple pw_hdf5.H5Screate_simple
#define H5Sget_simple_extent_dims pw_hdf5.H5Sget_simple_extent_dims
#define H5Sget_simple_extent_ndims pw_hdf5.H5Sget_simple_extent_ndims
#define H5Sget_simple_extent_npoints pw_hdf5.H5Sget_simple_extent_npoints
#define H5Sselect_hyperslab pw_hdf5.H5Sselect_hyperslab
#define H5Tclose pw_hdf5.H5Tclose
#define H5Tcopy pw_hdf5.H5Tcopy
#define H5Tenum_create pw_hdf5.H5Tenum_create
#define H5Tenum_insert pw_hdf5.H5Tenum_insert
#define H5Tequal pw_hdf5.H5Tequal
#define H5Tget_class pw_hdf5.H5Tget_class
#define H5Tget_fields pw_hdf5.H5Tget_fields
#define H5Tget_member_index pw_hdf5.H5Tget_member_index
#define H5Tget_nmembers pw_hdf5.H5Tget_nmembers
#define H5Tget_offset pw_hdf5.H5Tget_offset
#define H5Tget_order pw_hdf5.H5Tget_order
#define H5Tget_precision pw_hdf5.H5Tget_precision
#define H5Tget_sign pw_hdf5.H5Tget_sign
#define H5Tget_size pw_hdf5.H5Tget_size
#define H5Tget_super pw_hdf5.H5Tget_super
#define H5Tis_variable_str pw_hdf5.H5Tis_variable_str
#define H5Tset_ebias pw_hdf5.H5Tset_ebias
#define H5Tset_fields pw_hdf5.H5Tset_fields
#define H5Tset_size pw_hdf5.H5Tset_size
#define H5Zfilter_avail pw_hdf5.H5Zfilter_avail
#define H5check_version pw_hdf5.H5check_version
#define H5get_libversion pw_hdf5.H5get_libversion
#define H5open pw_hdf5.H5open

#define H5P_CLS_DATASET_ACCESS_ID_g (*pw_hdf5.H5P_CLS_DATASET_ACCESS_ID_g)
#define H5P_CLS_DATASET_CREATE_ID_g (*pw_hdf5.H5P_CLS_DATASET_CREATE_ID_g)
#define H5P_CLS_LINK_CREATE_ID_g (*pw_hdf5.H5P_CLS_LINK_CREATE_ID_g)
#define H5T_C_S1_g (*pw_hdf5.H5T_C_S1_g)
#define H5T_IEEE_F32LE_g (*pw_hdf5.H5T_IEEE_F32LE_g)
#define H5T_IEEE_F64LE_g (*pw_hdf5.H5T_IEEE_F64LE_g)
#define H5T_NATIVE_DOUBLE_g (*pw_hdf5.H5T_NATIVE_DOUBLE_g)
#define H5T_NATIVE_FLOAT_g (*pw_hdf5.H5T_NATIVE_FLOAT_g)
#define H5T_NATIVE_INT16_g (*pw_hdf5.H5T_NATIVE_INT16_g)
#define H5T_NATIVE_INT32_g (*pw_hdf5.H5T_NATIVE_INT32_g)
#define H5T_NATIVE_INT64_g (*pw_hdf5.H5T_NATIVE_INT64_g)
#define H5T_NATIVE_INT8_g (*pw_hdf5.H5T_NATIVE_INT8_g)
#define H5T_NATIVE_INT_g (*pw_hdf5.H5T_NATIVE_INT_g)
#define H5T_NATIVE_UINT16_g (*pw_hdf5.H5T_NATIVE_UINT16_g)
#define H5T_NATIVE_UINT32_g (*pw_hdf5.H5T_NATIVE_UINT32_g)
#define H5T_NATIVE_UINT64_g (*pw_hdf5.H5T_NATIVE_UINT64_g)
#define H5T_NATIVE_UINT8_g (*pw_hdf5.H5T_NATIVE_UINT8_g)
#define H5T_STD_I16LE_g (*pw_hdf5.H5T_STD_I16LE_g)
#define H5T_STD_I32LE_g (*pw_hdf5.H5T_STD_I32LE_g)
#define H5T_STD_I64LE_g (*pw_hdf5.H5T_STD_I64LE_g)
#define H5T_STD_I8LE_g (*pw_hdf5.H5T_STD_I8LE_g)
#define H5T_STD_U16LE_g (*pw_hdf5.H5T_STD_U16LE_g)
#define H5T_STD_U32LE_g (*pw_hdf5.H5T_STD_U32LE_g)
#define H5T_STD_U64LE_g (*pw_hdf5.H5T_STD_U64LE_g)
#define H5T_STD_U8LE_g (*pw_hdf5.H5T_STD_U8LE_g)

#endif

#endif
