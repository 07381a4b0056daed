;; What a user of Emacs does: waits for the findings, takes the preferred fix, saves.
(require 'eglot)
(require 'json)
(setq eglot-sync-connect 30
      eglot-confirm-server-initiated-edits nil
      eglot-confirm-server-edits nil)
(find-file (pop command-line-args-left))
(call-interactively #'eglot)
(flymake-mode 1)

(defun wait-until (holds)
  (let ((end (+ (float-time) 30)))
    (while (not (funcall holds))
      (when (> (float-time) end) (error "the server said nothing"))
      (accept-process-output nil 0.01))))

(wait-until #'flymake-diagnostics)
(let ((found (car (flymake-diagnostics))))
  (goto-char (flymake-diagnostic-beg found))
  (princ (json-encode `((line . ,(line-number-at-pos))
                        (message . ,(flymake-diagnostic-text found)))))
  (terpri))
;; As the menu does it; which function that is depends on the version.
(let* ((server (eglot-current-server))
       (actions (eglot-code-actions (point) (point)))
       (fix (seq-find (lambda (action) (eq t (plist-get action :isPreferred))) actions)))
  (if (fboundp 'eglot-execute)
      (eglot-execute server fix)
    (eglot--apply-workspace-edit (plist-get fix :edit))))
(save-buffer)
(eglot-shutdown (eglot-current-server))
