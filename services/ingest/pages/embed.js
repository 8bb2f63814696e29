// Posts a Tuvi form without leaving the page. Without this script the form works too.
(function () {
  "use strict";

  function said(form) {
    var place = form.querySelector("[data-tuvi-said]");
    if (!place) {
      place = document.createElement("p");
      place.setAttribute("data-tuvi-said", "");
      place.setAttribute("role", "status");
      form.appendChild(place);
    }
    return place;
  }

  function mark(form, errors) {
    var first = null;
    form.querySelectorAll("[aria-describedby]").forEach(function (input) {
      var error = document.getElementById(input.getAttribute("aria-describedby"));
      var found = errors.filter(function (one) { return one.field === input.name; })[0];
      if (error) error.textContent = found ? found.message : "";
      if (found) {
        input.setAttribute("aria-invalid", "true");
        first = first || input;
      } else {
        input.removeAttribute("aria-invalid");
      }
    });
    if (first) first.focus();
  }

  function carry(form, name, value) {
    var input = document.createElement("input");
    input.type = "hidden";
    input.name = name;
    input.value = value;
    form.appendChild(input);
  }

  function done(form, answer) {
    if (answer.redirect) {
      location.assign(answer.redirect);
      return;
    }
    var place = said(form);
    place.textContent = answer.message;
    place.tabIndex = -1;
    form.replaceChildren(place);
    place.focus();
  }

  function submit(event) {
    var form = event.target;
    event.preventDefault();
    if (form.dataset.tuviBusy) return;
    form.dataset.tuviBusy = "yes";
    fetch(form.getAttribute("action"), {
      method: "POST",
      headers: { Accept: "application/json" },
      body: new URLSearchParams(new FormData(form)),
    })
      .then(function (response) {
        return response.json().then(function (answer) {
          if (response.ok) return done(form, answer);
          mark(form, answer.errors || []);
          said(form).textContent = answer.message || answer.detail || answer.title;
        });
      })
      .catch(function () { // an origin that the form does not name, or no network: post as ever
        HTMLFormElement.prototype.submit.call(form);
      })
      .finally(function () { delete form.dataset.tuviBusy; });
  }

  document.querySelectorAll("form[data-tuvi-form]").forEach(function (form) {
    // a second post of the same words is known by this
    carry(form, "submission", Math.random().toString(36).slice(2) + Date.now().toString(36));
    carry(form, "page", location.href);
    carry(form, "referrer", document.referrer);
    form.addEventListener("submit", submit);
  });
})();
