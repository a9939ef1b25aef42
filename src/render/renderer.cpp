#include "render/renderer.h"

#include <cstddef>

#include "render/formats.h"

namespace galproc {

std::optional<Format> parse_format(std::string_view name) {
  for (std::size_t i = 0; i < kFormatNames.size(); ++i) {
    if (kFormatNames[i] == name) return static_cast<Format>(i);
  }
  return std::nullopt;
}

std::unique_ptr<Renderer> make_renderer(Format format, RenderOptions options) {
  switch (format) {
    case Format::Table: return make_table_renderer(options.width, options.color);
    case Format::Json: return make_json_renderer(options.object);
    case Format::Jsonl: return make_jsonl_renderer();
    case Format::Csv: return make_csv_renderer();
    case Format::Markdown: return make_markdown_renderer();
  }
  return nullptr;  // not reached: GCC does not see that the cases are all there are
}

}  // namespace galproc
