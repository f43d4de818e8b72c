# Writes a source with the files of a folder as string literals, so that the binary needs no files beside it:
#   cmake -D FOLDER=tracker/page/assets -D OUT=page_assets.cpp -P cmake/EmbedAssets.cmake
# A file's address is its name; index.html is "/".
set(type_html "text/html; charset=utf-8")
set(type_css "text/css; charset=utf-8")
set(type_js "text/javascript; charset=utf-8")
set(type_svg "image/svg+xml")

file(GLOB files ${FOLDER}/*.html ${FOLDER}/*.css ${FOLDER}/*.js ${FOLDER}/*.svg)
set(rows "")
foreach(file IN LISTS files)
  get_filename_component(name ${file} NAME)
  get_filename_component(extension ${file} LAST_EXT)
  string(SUBSTRING ${extension} 1 -1 extension)
  file(READ ${file} text)
  set(address "/${name}")
  if(name STREQUAL "index.html")
    set(address "/")
  endif()
  string(APPEND rows "    {\"${address}\", \"${type_${extension}}\", R\"~asset~(${text})~asset~\"},\n")
endforeach()

file(WRITE ${OUT} "// Written by cmake/EmbedAssets.cmake.
#include \"tracker/page/assets.hpp\"

namespace shoal::page {

const Asset* find_asset(std::string_view path) {
  static constexpr Asset assets[] = {
${rows}  };
  for (const Asset& asset : assets)
    if (asset.path == path) return &asset;
  return nullptr;
}

}  // namespace shoal::page
")
