# LibTorch from an unpacked torch wheel as IMPORTED targets: works without Python and without a CUDA toolkit, where
# find_package(Torch) does neither. ATHANOR_LIBTORCH names the folder that scripts/build fills (torch/, nvidia/).
set(ATHANOR_LIBTORCH "$ENV{ATHANOR_LIBTORCH}" CACHE PATH "Folder that holds the unpacked wheels: torch/, nvidia/")
if(NOT EXISTS "${ATHANOR_LIBTORCH}/torch/lib/libtorch_cpu.so")
  message(FATAL_ERROR "LibTorch not found in '${ATHANOR_LIBTORCH}'. Build with scripts/build, which fetches it, or "
                      "give -DATHANOR_LIBTORCH=DIR where DIR/torch/lib/libtorch_cpu.so is.")
endif()
set(_torch ${ATHANOR_LIBTORCH}/torch)
foreach(name c10 torch_cpu)
  add_library(libtorch_${name} SHARED IMPORTED GLOBAL)
  set_target_properties(libtorch_${name} PROPERTIES IMPORTED_LOCATION ${_torch}/lib/lib${name}.so)
endforeach()
file(GLOB _runtime_dirs ${ATHANOR_LIBTORCH}/nvidia/*/lib)
list(JOIN _runtime_dirs ":" _rpath)

add_library(libtorch_cpu_interface INTERFACE)
add_library(libtorch::cpu ALIAS libtorch_cpu_interface)
target_include_directories(libtorch_cpu_interface SYSTEM INTERFACE ${_torch}/include
                           ${_torch}/include/torch/csrc/api/include)
# Without -fopenmp at::parallel_for, a template, runs on one thread. Its runtime is LibTorch's own, not a second one.
target_compile_options(libtorch_cpu_interface INTERFACE -fopenmp)
target_link_libraries(libtorch_cpu_interface INTERFACE libtorch_torch_cpu libtorch_c10 ${_torch}/lib/libgomp.so.1)
# DT_RPATH, not RUNPATH: it must serve the libraries' own dependencies too. The CUDA libraries that libtorch_cpu names
# stay unresolved at link time.
target_link_options(libtorch_cpu_interface INTERFACE
                    "LINKER:--disable-new-dtags,-rpath,${_torch}/lib:${_rpath}" "LINKER:--allow-shlib-undefined")
