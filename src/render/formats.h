#pragma once

// What make_renderer chooses from: one function for each file that writes a format.

#include <memory>

#include "render/renderer.h"

namespace galproc {

std::unique_ptr<Renderer> make_table_renderer(int width, bool color);
std::unique_ptr<Renderer> make_json_renderer(bool object);
std::unique_ptr<Renderer> make_jsonl_renderer();
std::unique_ptr<Renderer> make_csv_renderer();
std::unique_ptr<Renderer> make_markdown_renderer();

}  // namespace galproc
