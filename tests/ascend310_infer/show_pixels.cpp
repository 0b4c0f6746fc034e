// What the application makes of images, for comparison with Python. Each line of standard input is one task, its
// fields divided by tabs:
//   decode IMAGE OUT                     pixels (height, width, 3) as bytes
//   scene IMAGE OUT HEIGHT WIDTH KEEP    CTPN's input as float32; KEEP is 0 or 1
//   word IMAGE OUT HEIGHT WIDTH ...      CRNN's input as float32
// Each line of standard output answers one: `ok HEIGHT WIDTH` of what is in OUT, or the reason and the message.

#include <fstream>
#include <iostream>
#include <sstream>

#include "decode_image.h"
#include "preprocess.h"

static void write(const std::string& path, const void* data, std::size_t size) {
  std::ofstream file(path, std::ios::binary);
  file.write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
}

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    std::vector<std::string> fields;
    std::istringstream text(line);
    for (std::string field; std::getline(text, field, '\t');) fields.push_back(field);
    const auto number = [&](std::size_t i) { return std::stoi(fields.at(i)); };
    try {
      const infer::Image image = infer::decode_image(infer::read_image_file(fields.at(1)), fields[1], 64'000'000);
      if (fields[0] == "decode") {
        write(fields.at(2), image.pixels.data(), image.pixels.size());
        std::cout << "ok " << image.height << " " << image.width << std::endl;
        continue;
      }
      infer::NetworkInput input;
      if (fields[0] == "scene") {
        input = infer::preprocess_scene(image, number(3), number(4), number(5) != 0);
      } else {
        std::vector<int> widths;
        for (std::size_t i = 4; i < fields.size(); ++i) widths.push_back(number(i));
        input = infer::preprocess_word(image, number(3), widths);
      }
      write(fields.at(2), input.values.data(), input.values.size() * sizeof(float));
      std::cout << "ok " << input.height << " " << input.width << std::endl;
    } catch (const infer::ImageError& error) {
      std::cout << error.reason() << "\t" << error.what() << std::endl;
    }
  }
}
